/** System V IPC as steps of the root of the tree. */
import type { TaskResource } from '../resource.js';

export const sysvIpc: TaskResource = {
  name: 'sysv-ipc',
  plan(task, run) {
    return [...(task.parent === null ? run.ipc.plan() : []), ...run.ipc.planUndo(task, run.extra)];
  },
  process: {
    // Every process was born with its attachments.
    process(p, task, run) {
      if (task.parent === null) run.ipc.emitRemovals(p);
      run.ipc.emitUndo(p, task);
    },
  },
};
