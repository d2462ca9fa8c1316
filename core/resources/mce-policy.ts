/** When a thread is told that memory of its process is broken: at once, or when it touches it (prctl(2), PR_MCE_KILL). CRIU's images have no field for it. */
import { checkEachThread } from './extra-checks.js';
import type { TaskResource } from './resource.js';

const NAME = 'mce-policy';
const PR_MCE_KILL = 33;
const PR_MCE_KILL_GET = 34;
const PR_MCE_KILL_SET = 1;
/** PR_MCE_KILL_LATE 0, PR_MCE_KILL_EARLY 1; 2 is the default of the system. */
const DEFAULT = 2;
const MODES = ['0', '1'];

export const mcePolicy: TaskResource = {
  name: NAME,
  readThread(p, thread, run) {
    const mode = p.sys.prctl(PR_MCE_KILL_GET, 0, 0, 0, 0).ignore('a kernel without memory failure handling has no such attribute');
    return () => {
      if (mode.result >= 0 && mode.result !== DEFAULT) run.extra.set(thread.nsTid, NAME, String(mode.result));
    };
  },
  plan: checkEachThread(NAME, 'machine check policy', (mode) => MODES.includes(mode)),
  thread: {
    thread(p, thread, run) {
      const mode = run.extra.get(thread.tid, NAME);
      if (mode !== undefined) p.sys.prctl(PR_MCE_KILL, PR_MCE_KILL_SET, Number(mode), 0, 0).must('set the machine check policy');
    },
  },
};
