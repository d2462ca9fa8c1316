/** Files as a resource of tasks: where they stand in the restore. What they do is in restore.ts; the dump is a stage of its own (table.ts). */
import type { TaskResource } from '../resource.js';

export const files: TaskResource = {
  name: 'files',
  plan: (task, run) => run.files.problems(task),
  process: {
    early: (p, task, run) => run.files.early(p, task),
    files: (p, task, run) => run.files.wire(p, task),
    fs: (p, task, run) => run.files.fs(p, task),
    filesLate: (p, task, run) => run.files.late(p, task),
    arm: (p, task, run) => run.files.arm(p, task),
  },
};
