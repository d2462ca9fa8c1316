/**
 * What to do with a system call that the freeze interrupted (kernel-tasks.md 1.4). At a ptrace stop `rax` shows how it was interrupted and
 * `orig_rax` which call it was; -1 means that the thread was in user code.
 */
import type { Registers, ResumeOptions } from '../arch.js';
import { SYSCALL_INSTRUCTION } from './code.js';
import { copyOf, get, getSigned, leaveCall, set } from './registers.js';

const ERESTARTSYS = -512n;
const ERESTARTNOINTR = -513n;
const ERESTARTNOHAND = -514n;
const ERESTART_RESTARTBLOCK = -516n;
const EINTR = -4n;
const NR_RESTART_SYSCALL = 219n;

/**
 * Calls that return EINTR merely because a tracer interrupted them: recvfrom, recvmsg, semop, rt_sigtimedwait, io_getevents, semtimedop,
 * epoll_wait, epoll_pwait, recvmmsg, epoll_pwait2.
 */
const FALSE_EINTR = new Set([45n, 47n, 65n, 128n, 208n, 220n, 232n, 281n, 299n, 441n]);

/** Back to the instruction that makes the call. */
function rewind(registers: Registers, nr: bigint): void {
  set(registers, 'rip', get(registers, 'rip') - BigInt(SYSCALL_INSTRUCTION.length));
  set(registers, 'rax', nr);
}

export function resumed(saved: Registers, { signalPending, sameTask }: ResumeOptions): Registers {
  const out = copyOf(saved);
  const call = getSigned(saved, 'orig_rax');
  if (call < 0n) return out;
  const result = getSigned(saved, 'rax');
  if (result === ERESTARTSYS || result === ERESTARTNOINTR || result === ERESTARTNOHAND) rewind(out, call);
  else if (result === ERESTART_RESTARTBLOCK) rewind(out, sameTask ? NR_RESTART_SYSCALL : call);
  else if (result === EINTR && !signalPending && FALSE_EINTR.has(call)) rewind(out, call);
  leaveCall(out);
  return out;
}
