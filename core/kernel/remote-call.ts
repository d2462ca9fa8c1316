/**
 * Remote system calls: the task's registers are pointed at the rescue stub's own `syscall` instruction, and the call is followed from its entry
 * stop to its exit stop. If we die at any point the call finishes and the stub restores the task. Never SINGLESTEP, never int3: both kill a
 * task whose tracer is gone (kernel-tasks.md 1.7).
 */
import { PTRACE, SYSCALL_STOP, WALL } from '../abi/ptrace.js';
import type { SyscallName } from '../abi/syscalls.js';
import type { Registers } from '../arch/arch.js';
import { arch } from '../arch/current.js';
import type { Program, Ptr } from '../program/program.js';
import { emitGetRegisters, emitSetRegisters, registersAt } from './registers.js';

/** Arena bytes that one remote call needs. */
export const REMOTE_CALL_SIZE = 3584;
/** Arena bytes of emitAwaitStop(). */
export const AWAIT_STOP_SIZE = 512;

const EVENT_STOP_MASK = 0xff0000;
const EVENT_STOP = 0x800000;
const SIGSTOP = 19;
/** Signal-delivery-stop of SIGSTOP. */
const SIGSTOP_DELIVERY = (SIGSTOP << 8) | 0x7f;
/** A group stop or a second trap may come between; more than a few means that somebody plays with the task. */
const MAX_FOREIGN_STOPS = 16;

/**
 * Runs stopped tasks to their next system call stop (entry or exit), all at once: the first is mostly there when the last has been let run. Two kinds of
 * stops may come between. A PTRACE_EVENT_STOP (a second trap, a group stop) is passed over. SIGSTOP, which no mask holds back, is handed to the task: its
 * process then is in job-control stop, which shows as an event stop while we hold it and lasts when we let go.
 */
function emitToSyscallStop(p: Program, calls: readonly { tid: number; why: string }[]): void {
  for (const { tid, why } of calls) p.sys.ptrace(PTRACE.SYSCALL, tid, 0, 0).must(why);
  for (const { tid, why } of calls) {
    const status = p.out(8);
    const signal = p.out(8);
    const running = p.branch(0, 0, 0);
    const again = p.length;
    p.sys.ptrace(PTRACE.SYSCALL, tid, 0, signal.word32()).must(why);
    p.place(running);
    p.sys.wait4(tid, status, WALL, 0).must(why);
    const stopSignal = p.branch(status.word32(), 0xffffffff, SIGSTOP_DELIVERY);
    p.store(signal.addr, 0, 4);
    const other = p.branch(0, 0, 0);
    p.place(stopSignal);
    p.store(signal.addr, SIGSTOP, 4);
    p.place(other);
    p.retry(status.word32(), EVENT_STOP_MASK, EVENT_STOP, again, MAX_FOREIGN_STOPS, why);
    p.retry(status.word32(), 0xffffffff, SIGSTOP_DELIVERY, again, MAX_FOREIGN_STOPS, why);
    p.expect(status.word32(), 0xffffffff, SYSCALL_STOP, why);
  }
}

/** Waits for the event stop of a thread that was interrupted. A SIGSTOP that comes first is handed over, as above. */
export function emitAwaitStop(p: Program, tid: number, why: string): void {
  const status = p.out(8);
  const first = p.length;
  p.sys.wait4(tid, status, WALL, 0).must(why);
  const stopped = p.branch(status.word32(), EVENT_STOP_MASK, EVENT_STOP);
  p.sys.ptrace(PTRACE.CONT, tid, 0, SIGSTOP).must(why);
  p.retry(0, 0, 0, first, MAX_FOREIGN_STOPS, why);
  p.place(stopped);
}

export interface RemoteCall {
  readonly name: SyscallName;
  readonly args: readonly (number | bigint)[];
  readonly why: string;
}

/** A remote call and who makes it. */
export interface RemoteCaller {
  /** A stopped task. */
  readonly tid: number;
  /** Address of a `syscall` instruction in the task. */
  readonly at: number;
  /** Registers to start from; only the call's own are changed. */
  readonly base: Registers;
  readonly call: RemoteCall;
}

/**
 * Emits one remote call in each of several tasks. Returns where the registers after the calls will be: remoteResult() knows the results.
 * @param p its arena needs REMOTE_CALL_SIZE for each
 */
export function emitRemoteCalls(p: Program, callers: readonly RemoteCaller[]): Ptr[] {
  const list = callers.map(({ tid, call }) => ({ tid, why: `make ${call.name} in task ${tid}: ${call.why}` }));
  callers.forEach(({ tid, at, base, call }, i) => {
    emitSetRegisters(p, tid, arch.callAt(base, at, arch.syscalls[call.name], call.args), list[i]!.why);
  });
  emitToSyscallStop(p, list);
  emitToSyscallStop(p, list);
  return list.map(({ tid, why }) => emitGetRegisters(p, tid, why));
}

/** The same for one task. */
export function emitRemoteCall(p: Program, tid: number, at: number, base: Registers, call: RemoteCall): Ptr {
  return emitRemoteCalls(p, [{ tid, at, base, call }])[0]!;
}

/** Result of a remote call: negative errno, or the value. */
export function remoteResult(after: Ptr): number {
  return Number(arch.resultOf(registersAt(after)));
}
