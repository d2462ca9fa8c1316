/** After a program with remote calls failed half-way: tasks may be on their way into or out of a call that nobody waits for. */
import { PTRACE } from '../abi/ptrace.js';
import { nowMs } from '../clock.js';
import type { KernelThread } from './kernel-thread.js';
import { waitForState } from './wait-state.js';

/** One system call. For all tasks together: the tree is frozen meanwhile. */
const LIMIT_MS = 200;

/**
 * Brings tasks that may be in a remote call to an event stop behind it.
 * @returns those that stand; the others are gone, or run and were never told to stop
 */
export function haltAfterCalls(thread: KernelThread, tids: readonly number[]): number[] {
  const called = standing(thread, tids);
  thread
    .once('remote.halt', 4096 + called.length * 128, (p) => {
      for (const tid of called) {
        p.sys.ptrace(PTRACE.INTERRUPT, tid, 0, 0).ignore('the task may be gone');
        // It finishes the call, and stops again before its next instruction. No wait4: a leader that was killed is reported only after its other threads.
        p.sys.ptrace(PTRACE.CONT, tid, 0, 0).ignore('the task may be gone');
      }
    })
    .free();
  return standing(thread, called);
}

function standing(thread: KernelThread, tids: readonly number[]): number[] {
  const deadline = nowMs() + LIMIT_MS;
  return tids.filter((tid) => waitForState(thread.proc, tid, ['t'], Math.max(0, deadline - nowMs())));
}
