/** Signal at the death of the parent (prctl(2), PR_SET_PDEATHSIG). Belongs to the thread. */
import type { TaskResource } from './resource.js';
import { threadPart, whose } from './task-parts.js';

const PR_SET_PDEATHSIG = 1;
const PR_GET_PDEATHSIG = 2;
/** _NSIG */
const LAST_SIGNAL = 64;

export const pdeathSignal: TaskResource = {
  name: 'pdeath-signal',
  readThread(p, thread) {
    const at = p.out(4);
    p.sys.prctl(PR_GET_PDEATHSIG, at, 0, 0, 0).must('read the parent-death signal');
    return () => {
      if (at.u32() !== 0) threadPart(thread.core).pdeath_sig = at.u32();
    };
  },
  plan: (task) =>
    task.threads.flatMap((thread) => {
      const signal = threadPart(thread.core).pdeath_sig ?? 0;
      return signal <= LAST_SIGNAL
        ? []
        : [`${whose(task.pid, thread.tid)}has the impossible parent-death signal ${signal}: the image is damaged`];
    }),
  thread: {
    // A change of credentials clears it (commit_creds, kernel/cred.c). The helpers whose death could send it are gone by then.
    threadLate(p, thread) {
      const signal = threadPart(thread.core).pdeath_sig ?? 0;
      if (signal !== 0) p.sys.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0).must('set the parent-death signal');
    },
  },
};
