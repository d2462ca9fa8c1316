/** Waiting for the kernel to finish what was asked of another task: a kill or a stop takes effect when the task runs next. */
import { nowMs } from '../clock.js';
import type { ProcReader } from './procfs/reader.js';
import { readStat } from './procfs/stat.js';

/** Far longer than the kernel needs. */
const LIMIT_MS = 2000;
const STEP_MS = 0.2;

/**
 * Waits, without the event loop, until the process is in one of the states (letters of stat(5); '' is "does not exist").
 * @returns false when that took more than two seconds, or `limitMs`
 */
export function waitForState(proc: ProcReader, pid: number, states: readonly string[], limitMs = LIMIT_MS): boolean {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  const deadline = nowMs() + limitMs;
  while (!states.includes(readStat(proc, pid)?.state ?? '')) {
    if (nowMs() > deadline) return false;
    Atomics.wait(nobody, 0, 0, STEP_MS);
  }
  return true;
}
