/** Whether a thread may read the time stamp counter (prctl(2), PR_SET_TSC; x86 only). CRIU's images have no field for it. */
import { checkEachThread } from './extra-checks.js';
import type { TaskResource } from './resource.js';

const NAME = 'tsc-mode';
const PR_GET_TSC = 25;
const PR_SET_TSC = 26;
/** A SIGSEGV for who reads it. PR_TSC_ENABLE, 1, is the default. */
const PR_TSC_SIGSEGV = 2;

export const tscMode: TaskResource = {
  name: NAME,
  readThread(p, thread, run) {
    const mode = p.out(8);
    p.sys.prctl(PR_GET_TSC, mode, 0, 0, 0).ignore('other processors have no such attribute');
    return () => {
      if (mode.u32() === PR_TSC_SIGSEGV) run.extra.set(thread.nsTid, NAME, String(PR_TSC_SIGSEGV));
    };
  },
  plan: checkEachThread(NAME, 'time stamp counter mode', (mode) => mode === String(PR_TSC_SIGSEGV)),
  thread: {
    thread(p, thread, run) {
      if (run.extra.get(thread.tid, NAME) !== undefined)
        p.sys.prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0).must('forbid to read the time stamp counter');
    },
  },
};
