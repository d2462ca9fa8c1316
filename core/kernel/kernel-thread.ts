/**
 * A KernelThread: the OS thread that owns ptrace, wait4 and clone3 for one run. Programs for it live in arenas of our own memory.
 */
import { CrError } from '../errors.js';
import { Arena } from '../program/arena.js';
import { NOBODY, type ProgramObserver } from '../program/observer.js';
import { Program, type FailureContext } from '../program/program.js';
import { ProcReader } from './procfs/reader.js';
import { ABANDONED, loadNative, type Mapping, type Native, type NativeThread } from './native.js';

/** Memory of our own as an arena. */
export function localArena(native: Native, size: number): Arena {
  const mapping = native.mapAnon(size);
  return new Arena(mapping, Number(mapping.addr));
}

/** Most programs fit; mapping and first touch would cost more than the calls. */
const POOL_SIZE = 256 * 1024;

export class KernelThread {
  readonly native: Native;
  /** Reader of /proc with its one reusable buffer. */
  readonly proc = new ProcReader();
  private readonly thread: NativeThread;
  private readonly mappings: Mapping[] = [];
  /** Told about every program that runs here, or in a target or seed. */
  observer: ProgramObserver = NOBODY;
  private pool: Arena | null = null;
  private poolTaken = false;

  constructor(native: Native = loadNative()) {
    this.native = native;
    this.thread = new native.KernelThread();
  }

  get tid(): number {
    return this.thread.tid;
  }
  get dead(): boolean {
    return this.thread.dead;
  }

  /** A fresh arena in our memory, freed by close(). */
  arena(size: number): Arena {
    const arena = localArena(this.native, size);
    this.mappings.push(arena.mapping);
    return arena;
  }

  /** Builds a program in a scratch arena, runs it on this thread, hands out what `emit` returned, and frees the arena by `free`. */
  once<T>(name: string, size: number, emit: (p: Program) => T, context: FailureContext = {}): { value: T; free: () => void } {
    return this.scratch(name, size, emit, (program) => this.run(program, context));
  }

  /** The same as once(), while the event loop goes on. */
  async onceAsync(name: string, size: number, emit: (p: Program) => void, context: FailureContext = {}): Promise<void> {
    const { arena, free } = this.takeArena(size);
    try {
      const program = new Program(name, arena);
      emit(program);
      await this.runAsync(program.end(), context);
    } finally {
      free();
    }
  }

  /** The same on the calling thread: for short calls that need no tracer, a thread switch cheaper. */
  here<T>(name: string, size: number, emit: (p: Program) => T, context: FailureContext = {}): { value: T; free: () => void } {
    return this.scratch(name, size, emit, (program) => {
      this.observer.before?.(program);
      const status = this.native.runHere(BigInt(program.address));
      this.observer.after?.(program, status);
      program.check(status, context);
    });
  }

  private scratch<T>(name: string, size: number, emit: (p: Program) => T, run: (p: Program) => void): { value: T; free: () => void } {
    const { arena, free } = this.takeArena(size);
    try {
      const program = new Program(name, arena);
      const value = emit(program);
      run(program.end());
      return { value, free };
    } catch (error) {
      free();
      throw error;
    }
  }

  /** The pooled arena when it is free and large enough, else a fresh one. */
  private takeArena(size: number): { arena: Arena; free: () => void } {
    if (size <= POOL_SIZE && !this.poolTaken) {
      this.pool ??= this.arena(POOL_SIZE);
      const arena = this.pool;
      this.poolTaken = true;
      return {
        arena,
        free: () => {
          arena.release(0);
          this.poolTaken = false;
        },
      };
    }
    const arena = localArena(this.native, size);
    return { arena, free: () => this.native.unmap(arena.mapping) };
  }

  /** Runs a sealed program and throws when an op failed. */
  run(program: Program, context: FailureContext = {}): void {
    program.check(this.status(program, context), context);
  }

  /** Runs a sealed program and returns vm_run's answer; throws only when the thread was abandoned. */
  status(program: Program, context: FailureContext = {}): number {
    this.observer.before?.(program);
    const status = this.thread.runSync(BigInt(program.address));
    this.observer.after?.(program, status);
    if (status === ABANDONED)
      throw new CrError('CR_ABORTED', {
        message: `the deadline passed while program ${program.name} ran; every target was let go`,
        hint: 'Raise --timeout, or look at what the log names last.',
        target: 'running',
        ...context,
      });
    return status;
  }

  /** Runs without blocking the event loop. */
  async runAsync(program: Program, context: FailureContext = {}): Promise<void> {
    this.observer.before?.(program);
    const status = await this.thread.run(BigInt(program.address));
    this.observer.after?.(program, status);
    if (status === ABANDONED)
      throw new CrError('CR_ABORTED', { message: `program ${program.name} was abandoned`, target: 'running', ...context });
    program.check(status, context);
  }

  /**
   * Runs `body` under the watchdog: for what waits for other tasks, and would wait for ever when one of them is killed at the wrong moment (a leader
   * reports its end only after its other traced threads). After the deadline every program throws CR_ABORTED.
   * @param ms 0 means no deadline
   */
  within<T>(ms: number, body: () => T): T {
    if (ms === 0) return body();
    this.arm(ms);
    try {
      return body();
    } finally {
      this.disarm();
    }
  }

  /** See NativeThread.arm(). */
  arm(ms: number, lastWords?: string): void {
    if (lastWords === undefined) this.thread.arm(ms);
    else this.thread.arm(ms, lastWords);
  }
  disarm(): boolean {
    return this.thread.disarm();
  }
  interrupt(): void {
    this.thread.interrupt();
  }
  /** Lets every tracee go at once (see native.ts). */
  abandon(): void {
    this.thread.abandon();
  }
  close(): void {
    this.thread.close();
    for (const mapping of this.mappings.splice(0)) this.native.unmap(mapping);
  }
}
