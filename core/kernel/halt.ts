/** After a program with remote calls failed half-way: a task may be on its way into or out of a call that nobody waits for. */
import { PTRACE } from '../abi/ptrace.js';
import type { KernelThread } from './kernel-thread.js';
import { waitForState } from './wait-state.js';

/** One system call. */
const LIMIT_MS = 200;

/**
 * Brings a task that may be in a remote call to an event stop behind it.
 * @returns false when it is gone, or runs and was never told to stop
 */
export function haltAfterCall(thread: KernelThread, tid: number): boolean {
  const stands = (): boolean => waitForState(thread.proc, tid, ['t'], LIMIT_MS);
  if (!stands()) return false;
  thread
    .once('remote.halt', 4096, (p) => {
      p.sys.ptrace(PTRACE.INTERRUPT, tid, 0, 0).ignore('the task may be gone');
      // It finishes the call, and stops again before its next instruction. No wait4: a leader that was killed is reported only after its other threads.
      p.sys.ptrace(PTRACE.CONT, tid, 0, 0).ignore('the task may be gone');
    })
    .free();
  return stands();
}
