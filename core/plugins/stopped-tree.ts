/** Trees as plugins see them. */
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import { readThreads } from '../kernel/procfs/task-list.js';
import { runThread } from '../kernel/run-thread.js';
import type { StoppedTask, StoppedTree } from './contexts.js';

export interface TaskNumbers {
  readonly pid: number;
  readonly parent: number;
  readonly threads: readonly number[];
}

/** @param changed told that a hook changed that process */
export function stoppedTree(
  thread: KernelThread,
  tasks: readonly TaskNumbers[],
  changed: (pid: number, what: string) => void,
): StoppedTree {
  return {
    root: tasks[0]?.pid ?? 0,
    tasks: tasks.map(({ pid, parent, threads }): StoppedTask => ({
      pid,
      parent,
      threads,
      runThread: (tid, body) => {
        if (!threads.includes(tid)) throw new RangeError(`process ${pid} has no thread ${tid}`);
        changed(pid, `thread ${tid} ran`);
        return runThread(thread, pid, tid, body);
      },
    })),
  };
}

/** A tree that runs: its threads are as they are now, and letting one of them run is no work. */
export function runningTree(proc: ProcReader, tasks: readonly { readonly pid: number; readonly parent: number }[]): StoppedTree {
  return {
    root: tasks[0]?.pid ?? 0,
    tasks: tasks.map(({ pid, parent }): StoppedTask => ({
      pid,
      parent,
      threads: readThreads(proc, pid) ?? [],
      runThread: (_tid, body) => body(),
    })),
  };
}
