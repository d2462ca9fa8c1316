/** /proc/PID/task/TID/status of all threads of a process. */
import { closeSync, constants, openSync } from 'node:fs';
import type { KernelThread } from './kernel-thread.js';
import { taskDir, type ProcText } from './procfs/reader.js';
import { readStatusText } from './procfs/status.js';
import { LEAST_MANY, readMany } from './read-many.js';

/**
 * Calls `take` for each thread that is there with its index and its text, which is only there until it returns; in no order.
 * Throws as readStatusText().
 */
export function readStatusTexts(
  thread: KernelThread,
  pid: number,
  tids: readonly number[],
  take: (index: number, text: ProcText) => void,
): void {
  const { proc } = thread;
  const left = new Set(tids.keys());
  if (tids.length >= LEAST_MANY)
    inTasks(proc.path(`${pid}/task`), (folder) => {
      const names = tids.map((tid) => `${tid}/status`);
      readMany(thread, folder, names, (i, bytes) => {
        left.delete(i);
        take(i, { bytes, path: proc.path(`${taskDir(pid, tids[i])}/status`) });
      });
    });
  for (const i of left) {
    const text = readStatusText(proc, pid, tids[i]);
    if (text !== null) take(i, text);
  }
}

/** Nothing when the process is gone: that shows for each thread. */
function inTasks(path: string, work: (folder: number) => void): void {
  let folder: number;
  try {
    folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return;
  }
  try {
    work(folder);
  } finally {
    closeSync(folder);
  }
}
