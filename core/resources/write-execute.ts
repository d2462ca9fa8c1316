/** No memory that is writable and executable (prctl(2), PR_SET_MDWE, Linux 6.3). Belongs to the address space. CRIU's images have no field for it. */
import { checkProcess } from './extra-checks.js';
import type { TaskResource } from './resource.js';

const NAME = 'write-execute';
const PR_SET_MDWE = 65;
const PR_GET_MDWE = 66;
/** PR_MDWE_REFUSE_EXEC_GAIN 1, with PR_MDWE_NO_INHERIT 2. */
const MODES = ['1', '3'];

export const writeExecute: TaskResource = {
  name: NAME,
  readInside(p, task, run) {
    const mode = p.sys.prctl(PR_GET_MDWE, 0, 0, 0, 0).ignore('before Linux 6.3 there is no such attribute');
    return () => {
      if (mode.result > 0) run.extra.set(task.nsPid, NAME, String(mode.result));
    };
  },
  plan: checkProcess(NAME, 'write-execute mode', (mode) => MODES.includes(mode)),
  process: {
    // It cannot be taken back, and no mapping becomes executable after it.
    arm(p, task, run) {
      const mode = run.extra.get(task.pid, NAME);
      if (mode !== undefined) p.sys.prctl(PR_SET_MDWE, Number(mode), 0, 0, 0).must('refuse memory that is writable and executable');
    },
  },
};
