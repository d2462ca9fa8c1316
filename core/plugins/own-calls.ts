/** System calls that plugins make in our own process, by the same programs that they run in tasks: what Node offers no function for. */
import type { Arena } from '../program/arena.js';
import { KernelThread, localArena } from '../kernel/kernel-thread.js';
import { Program } from '../program/program.js';
import type { SyscallProgram } from './contexts.js';

const ARENA_SIZE = 64 * 1024;

/** A thread of its own: a call that blocks holds up neither JavaScript nor the tracer. Nothing is started before the first call. */
export class OwnCalls {
  private thread: KernelThread | null = null;
  private arena: Arena | null = null;
  /** Programs run one after the other, because they share the memory. */
  private last: Promise<unknown> = Promise.resolve();

  run<T>(name: string, emit: (program: SyscallProgram) => T): Promise<T> {
    const next = this.last.then(async () => {
      const thread = (this.thread ??= new KernelThread());
      // What the one before answered lay in there, and could be read until now.
      if (this.arena) thread.native.unmap(this.arena.mapping);
      this.arena = localArena(thread.native, ARENA_SIZE);
      const program = new Program(name, this.arena);
      const value = emit(program);
      await thread.runAsync(program.end());
      return value;
    });
    this.last = next.catch(() => undefined);
    return next;
  }

  /** Ends the thread at once, also when a call is blocked. */
  close(): void {
    const { thread, arena } = this;
    this.thread = this.arena = null;
    if (!thread) return;
    thread.abandon();
    thread.close();
    if (arena) thread.native.unmap(arena.mapping);
  }
}
