/** A tree that stands still, as plugins see it. */
import type { KernelThread } from '../kernel/kernel-thread.js';
import { runThread } from '../kernel/run-thread.js';
import type { StoppedTask, StoppedTree } from './contexts.js';

export interface TaskNumbers {
  readonly pid: number;
  readonly parent: number;
  readonly threads: readonly number[];
}

/** @param changed told that a hook changed that process */
export function stoppedTree(thread: KernelThread, tasks: readonly TaskNumbers[], changed: (pid: number, what: string) => void): StoppedTree {
  return {
    root: tasks[0]?.pid ?? 0,
    tasks: tasks.map(
      ({ pid, parent, threads }): StoppedTask => ({
        pid,
        parent,
        threads,
        runThread: (tid, body) => {
          if (!threads.includes(tid)) throw new RangeError(`process ${pid} has no thread ${tid}`);
          changed(pid, `thread ${tid} ran`);
          return runThread(thread, pid, tid, body);
        },
      }),
    ),
  };
}
