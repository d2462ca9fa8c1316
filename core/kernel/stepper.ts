/**
 * The stepper: a program of a frozen task run from outside, op by op, each system call as a remote call by ptrace (remote-call.ts). Slow (some 50 µs a
 * call) and exact: no blob runs in the task, so it shows which op does what, and it is a second implementation that the blob is compared with.
 */
import type { SyscallName } from '../abi/syscalls.js';
import { arch } from '../arch/current.js';
import type { Arena } from '../program/arena.js';
import { Interpreter, ProgramFault, type Machine } from '../program/interpret.js';
import type { Program } from '../program/program.js';
import type { KernelThread } from './kernel-thread.js';
import { registersAt } from './registers.js';
import { emitRemoteCall, REMOTE_CALL_SIZE } from './remote-call.js';
import { readMemory, writeMemory } from './stub.js';
import type { Tracee } from './tracee.js';

const NAMES = new Map<number, SyscallName>((Object.keys(arch.syscalls) as SyscallName[]).map((name) => [arch.syscalls[name], name]));

/** A stopped thread that makes calls for us. */
export interface SteppedTask {
  readonly thread: KernelThread;
  readonly tracee: Tracee;
  /** Address of a `syscall` instruction in the task from which the task heals itself when we die. */
  readonly syscallAt: number;
  /** Memory that we and the task share. */
  readonly arena: Arena;
  /** Offset of 16 free bytes in the arena. */
  readonly scratch: number;
}

/** A task as the machine that programs run on. Precondition: it is stopped, its registers were read, its signals are blocked. */
export class TaskMachine implements Machine {
  readonly scratch: bigint;

  constructor(private readonly task: SteppedTask) {
    this.scratch = BigInt(task.arena.addr(task.scratch));
  }

  call(nr: number, args: readonly bigint[]): bigint {
    const { thread, tracee, syscallAt } = this.task;
    const name = NAMES.get(nr);
    if (name === undefined) throw new ProgramFault(`system call ${nr} is not in the table`);
    const { value, free } = thread.once(
      'step.call',
      2 * REMOTE_CALL_SIZE,
      (p) => emitRemoteCall(p, tracee.tid, syscallAt, tracee.registers!, { name, args, why: 'one op of a program' }),
      { subject: { pid: tracee.pid, tid: tracee.tid }, target: 'running' },
    );
    const result = arch.resultOf(registersAt(value));
    free();
    return result;
  }

  read(addr: bigint, length: number): Buffer {
    const at = this.inArena(addr, length);
    if (at >= 0) return this.task.arena.bytes.subarray(at, at + length);
    const bytes = readMemory(this.task.tracee.pid, Number(addr), length);
    if (bytes.length !== length) throw new ProgramFault(`cannot read ${length} bytes of the task at 0x${addr.toString(16)}`);
    return bytes;
  }

  write(addr: bigint, bytes: Uint8Array): void {
    const at = this.inArena(addr, bytes.length);
    if (at >= 0) this.task.arena.bytes.set(bytes, at);
    else writeMemory(this.task.tracee.pid, Number(addr), bytes);
  }

  /** Offset in the arena, or -1. */
  private inArena(addr: bigint, size: number): number {
    const at = addr - BigInt(this.task.arena.base);
    return at >= 0n && at + BigInt(size) <= BigInt(this.task.arena.size) ? Number(at) : -1;
  }
}

/** Runs a sealed program of the task's arena; vm_run's answer. Throws CrError when the task is lost. */
export function stepProgram(task: SteppedTask, program: Program): number {
  return new Interpreter(task.arena.view, program.address - task.arena.base, new TaskMachine(task)).run();
}
