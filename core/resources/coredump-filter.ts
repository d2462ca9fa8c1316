/** What of memory goes into a core file (core(5)). Belongs to the address space. CRIU's images have no field for it. */
import { readCoredumpFilter } from '../kernel/procfs/task-values.js';
import { checkProcess } from './extra-checks.js';
import { emitProcSelf } from './proc-self.js';
import type { TaskResource } from './resource.js';

const NAME = 'coredump-filter';
/** MMF_DUMP_FILTER_DEFAULT, include/linux/mm_types.h; the boot option coredump_filter= can change it. */
const DEFAULT = 0x33;

export const coredumpFilter: TaskResource = {
  name: NAME,
  readFrozen(task, run) {
    const value = readCoredumpFilter(run.thread.proc, task.pid);
    if (value !== null && value !== DEFAULT) run.extra.set(task.nsPid, NAME, `0x${value.toString(16)}`);
  },
  plan: checkProcess(NAME, 'coredump filter', (text) => /^0x[0-9a-f]{1,3}$/.test(text)),
  process: {
    early(p, task, run) {
      const text = run.extra.get(task.pid, NAME);
      if (text !== undefined) emitProcSelf(p, 'coredump_filter', text, (write) => write.must('choose what goes into core files'));
    },
  },
};
