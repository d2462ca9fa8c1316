/**
 * A daemon: a thread of a frozen process that runs programs for us. It and we share a thread block in the arena (THREAD_BLOCK in program/isa.ts): we hand
 * over a program under the next sequence number, it answers with the same number when it is done.
 */
import { PTRACE } from '../abi/ptrace.js';
import { arch } from '../arch/current.js';
import type { Arena } from '../program/arena.js';
import { THREAD_BLOCK, THREAD_BLOCK_SIZE } from '../program/isa.js';
import type { Program } from '../program/program.js';
import { emitSetRegisters } from './registers.js';
import type { Tracee } from './tracee.js';

const THREAD_STACK = 1536;
const ALL_SIGNALS = 0xffffffffffffffffn;
const POLL_NS = 20_000_000;

/** Arena bytes of one. */
export const DAEMON_SIZE = THREAD_BLOCK_SIZE + THREAD_STACK;
/** Arena bytes of emitStartDaemon(). */
export const START_SIZE = 1024;

export interface Daemon {
  readonly tracee: Tracee;
  /** Offset of the thread block in the arena. */
  readonly block: number;
  readonly stackTop: number;
  /** Address of the system call instruction of the thread's own rescue stub. */
  readonly syscallAt: number;
}

/** Addresses in the task of a daemon that is to be. */
export interface DaemonPlace {
  readonly syscallAt: number;
  /** A u32: FUTEX_OWNER_DIED in it means that the owner is gone. */
  readonly watch: number;
  /** A u32 that the thread sets for the others then, or 0. */
  readonly death: number;
  /** Where it goes then. */
  readonly onDeath: number;
}

/** Fills in the block and the stack of a thread. */
export function makeDaemon(arena: Arena, tracee: Tracee, { syscallAt, watch, death, onDeath }: DaemonPlace): Daemon {
  const block = arena.alloc(THREAD_BLOCK_SIZE, 64);
  const stack = arena.alloc(THREAD_STACK, 64);
  const { view } = arena;
  view.setBigUint64(block + THREAD_BLOCK.watch, BigInt(watch), true);
  view.setBigUint64(block + THREAD_BLOCK.death, BigInt(death), true);
  view.setBigUint64(block + THREAD_BLOCK.onDeath, BigInt(onDeath), true);
  return { tracee, block, stackTop: arena.addr(stack + THREAD_STACK), syscallAt };
}

/** Emits: no signal but SIGKILL and SIGSTOP reaches the thread. */
export function emitBlockSignals(p: Program, tid: number, who: 'task' | 'thread'): void {
  p.sys.ptrace(PTRACE.SETSIGMASK, tid, 8, p.out(8).setU64(0, ALL_SIGNALS)).must(`block signals of ${who} ${tid}`);
}

/**
 * Emits the start of a daemon, whose thread stands at its rescue stub with all signals blocked: should we die before it runs, a handler would find no room
 * for a signal frame on the daemon's stack. `entry` is the address of the blob's entry in the task.
 */
export function emitStartDaemon(p: Program, arena: Arena, { tracee, block, stackTop }: Daemon, entry: number): void {
  const why = `start the daemon of thread ${tracee.tid}`;
  emitSetRegisters(p, tracee.tid, arch.daemonAt(tracee.registers!, entry, stackTop, arena.addr(block)), why);
  p.sys.ptrace(PTRACE.CONT, tracee.tid, 0, 0).must(why);
}

/** Emits the hand-over of a program and returns the sequence number that tells when it is done. */
export function emitSubmit(p: Program, arena: Arena, daemon: Daemon, program: Program): number {
  arena.view.setBigUint64(daemon.block + THREAD_BLOCK.program, BigInt(program.address), true);
  const goal = (arena.view.getUint32(daemon.block + THREAD_BLOCK.command, true) + 1) >>> 0;
  p.touchesView(arena).wake(blockHere(arena, daemon) + THREAD_BLOCK.command, 1);
  return goal;
}

/** Emits a bounded wait for that sequence number. */
export function emitWait(p: Program, arena: Arena, daemon: Daemon, goal: number): void {
  p.touchesView(arena)
    .wait(blockHere(arena, daemon) + THREAD_BLOCK.done, goal, POLL_NS)
    .ignore('finished jobs are told by their sequence number');
}

/** True when it has finished everything handed over. */
export function isDone({ view }: Arena, { block }: Daemon): boolean {
  return view.getUint32(block + THREAD_BLOCK.done, true) === view.getUint32(block + THREAD_BLOCK.command, true);
}

/** vm_run's answer of the last program. */
export function statusOf({ view }: Arena, { block }: Daemon): number {
  return Number(view.getBigInt64(block + THREAD_BLOCK.status, true));
}

/** The answer of a program that was run for it. */
export function setStatus({ view }: Arena, { block }: Daemon, status: number): void {
  view.setBigInt64(block + THREAD_BLOCK.status, BigInt(status), true);
}

/** Address of the block in our own view. */
function blockHere(arena: Arena, { block }: Daemon): number {
  return Number(arena.mapping.addr) + block;
}
