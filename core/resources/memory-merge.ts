/** Whether equal pages of all mappings may be merged (prctl(2), PR_SET_MEMORY_MERGE, Linux 6.4). Belongs to the address space. CRIU's images have no field for it. */
import { checkProcess } from './extra-checks.js';
import type { TaskResource } from './resource.js';

const NAME = 'memory-merge';
const PR_SET_MEMORY_MERGE = 67;
const PR_GET_MEMORY_MERGE = 68;

export const memoryMerge: TaskResource = {
  name: NAME,
  readInside(p, task, run) {
    const on = p.sys.prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0).ignore('before Linux 6.4, and without KSM, there is no such attribute');
    return () => {
      if (on.result === 1) run.extra.set(task.nsPid, NAME, '1');
    };
  },
  plan: checkProcess(NAME, 'memory merge flag', (on) => on === '1'),
  process: {
    // After the mappings: it also marks those that exist (mm/ksm.c, ksm_enable_merge_any). Children were forked before and did not inherit it.
    process(p, task, run) {
      if (run.extra.get(task.pid, NAME) !== undefined)
        p.sys.prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0).must('let equal pages be merged (needs a kernel with KSM)');
    },
  },
};
