/** Tasks of a dump as they are when it begins: what the tree says, and cores to be filled. */
import { newLeaderCore, newThreadCore, newZombieCore } from '../resources/core-entry.js';
import { newMm } from '../resources/memory/mm.js';
import { TASK_STATE } from '../resources/task-parts.js';
import type { DumpTask, DumpThread } from './model.js';
import type { TreeNode } from './tree.js';

/** A task with nothing but what the tree tells. */
export function newTask(node: TreeNode, parent: DumpTask | null): DumpTask {
  const nsPid = node.status.nsPid.at(-1) ?? node.pid;
  const base = {
    pid: node.pid,
    nsPid,
    parent,
    stat: node.stat,
    status: node.status,
    traced: null,
    parasite: null,
    threads: [],
    mm: newMm(),
    vmas: [],
    sharedSignals: [],
  };
  const zombie = node.stat.state === 'Z';
  return { ...base, core: zombie ? newZombieCore(node.stat) : newLeaderCore(node.stat) };
}

/** Its threads, once they are frozen. */
export function addThreads(task: DumpTask): void {
  if (!task.traced) return;
  const { main } = task.traced;
  // stat(5) says `t` of every thread that we hold; what it was before is in the way it stopped.
  if (main.inGroupStop) Object.assign(task.core.tc ?? {}, { task_state: TASK_STATE.stopped, stop_signo: main.stopSignal });
  task.threads = task.traced.threads.map((tracee): DumpThread => {
    const leader = tracee.tid === task.pid;
    // Threads live in the pid namespace of their process; ids differ only across namespaces, which the pre-flight refuses.
    return { task, tracee, tid: tracee.tid, nsTid: tracee.tid, isMain: tracee === main, core: leader ? task.core : newThreadCore() };
  });
}
