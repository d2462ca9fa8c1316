/** Signal at the death of the parent (prctl(2), PR_SET_PDEATHSIG). Belongs to the thread. */
import type { RestoreRun, RestoreTask } from '../restore/model.js';
import type { TaskResource } from './resource.js';
import { threadPart, whose } from './task-parts.js';

const PR_SET_PDEATHSIG = 1;
const PR_GET_PDEATHSIG = 2;
/** _NSIG */
const LAST_SIGNAL = 64;

/**
 * The root of a detached restore is our child for a moment and then nobody's: our own end would give it the signal. Its real parent is not here, so there
 * is nothing left to wait for.
 */
function losesParent(task: RestoreTask, run: RestoreRun): boolean {
  return task.parent === null && run.options.detached && !run.options.sibling;
}

export const pdeathSignal: TaskResource = {
  name: 'pdeath-signal',
  readThread(p, thread) {
    const at = p.out(4);
    p.sys.prctl(PR_GET_PDEATHSIG, at, 0, 0, 0).must('read the parent-death signal');
    return () => {
      if (at.u32() !== 0) threadPart(thread.core).pdeath_sig = at.u32();
    };
  },
  plan(task, run) {
    const signals = task.threads.map((thread) => ({ thread, signal: threadPart(thread.core).pdeath_sig ?? 0 }));
    if (losesParent(task, run) && signals.some(({ signal }) => signal !== 0))
      run.log.warn(
        `pid ${task.pid} gets no parent-death signal: in a detached restore its parent is criu-ts, which ends now (see --restore-sibling)`,
      );
    return signals.flatMap(({ thread, signal }) =>
      signal <= LAST_SIGNAL ? [] : [`${whose(task.pid, thread.tid)}has the impossible parent-death signal ${signal}: the image is damaged`],
    );
  },
  thread: {
    // A change of credentials clears it (commit_creds, kernel/cred.c). The helpers whose death could send it are gone by then.
    threadLate(p, thread, run) {
      if (losesParent(thread.task, run)) return;
      const signal = threadPart(thread.core).pdeath_sig ?? 0;
      if (signal !== 0) p.sys.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0).must('set the parent-death signal');
    },
  },
};
