/** By how many nanoseconds the kernel may delay time-outs of a thread (prctl(2), PR_SET_TIMERSLACK). CRIU's images have no field for it. */
import { checkEachThread } from './extra-checks.js';
import type { TaskResource } from './resource.js';

const NAME = 'timer-slack';
const PR_SET_TIMERSLACK = 29;
const PR_GET_TIMERSLACK = 30;
/** Of the first process; everybody inherits it (init/init_task.c). */
const DEFAULT_NS = 50_000;

export const timerSlack: TaskResource = {
  name: NAME,
  readThread(p, thread, run) {
    const slack = p.sys.prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0).must('read the timer slack');
    return () => {
      // Real-time threads have none, by their policy; 0 cannot be set: it means the default.
      if (slack.result > 0 && slack.result !== DEFAULT_NS) run.extra.set(thread.nsTid, NAME, String(slack.result));
    };
  },
  plan: checkEachThread(NAME, 'timer slack', (slack) => /^[1-9][0-9]{0,18}$/.test(slack)),
  thread: {
    thread(p, thread, run) {
      const slack = run.extra.get(thread.tid, NAME);
      if (slack !== undefined) p.sys.prctl(PR_SET_TIMERSLACK, BigInt(slack), 0, 0, 0).must('set the timer slack');
    },
  },
};
