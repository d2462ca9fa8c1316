/** No transparent huge pages for this process (prctl(2), PR_SET_THP_DISABLE). Belongs to the address space. */
import { CrError } from '../errors.js';
import type { TaskResource } from './resource.js';

const PR_SET_THP_DISABLE = 41;
const PR_GET_THP_DISABLE = 42;
/** Linux 6.18: 1 disabled, 3 disabled except where madvise asks for them (bit 1). */
const EXCEPT_ADVISED = 2;

export const thp: TaskResource = {
  name: 'thp',
  readInside(p, task) {
    const value = p.sys.prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0).ignore('a kernel without huge pages has none to disable');
    return () => {
      const got = Math.max(0, value.result);
      if ((got & EXCEPT_ADVISED) !== 0)
        throw new CrError('CR_UNSUPPORTED', {
          message: 'disabled huge pages except where advised (PR_THP_DISABLE_EXCEPT_ADVISED), which images cannot hold',
          subject: { pid: task.pid },
          target: 'running',
        });
      task.mm.thp_disabled = got !== 0;
    };
  },
  process: {
    process(p, task) {
      // Memory is filled already, with huge pages where it had them: the attribute is about new ones.
      if (task.mm?.thp_disabled === true) p.sys.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0).must('disable transparent huge pages');
    },
  },
};
