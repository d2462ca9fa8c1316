/**
 * Threads that took a descriptor table or a working directory of their own with unshare(2): images have one of each for a process, so such a process is
 * refused.
 */
import { CrError } from '../errors.js';
import type { TaskResource } from './resource.js';

/** kcmp(2) */
const KINDS = [
  { type: 2, what: 'descriptor table' },
  { type: 3, what: 'working directory, root and umask' },
] as const;

export const threadSharing: TaskResource = {
  name: 'thread-sharing',
  readOutside(p, thread) {
    if (thread.isMain) return;
    const { pid, tid } = { pid: thread.task.threads.find((t) => t.isMain)!.tid, tid: thread.tid };
    const checks = KINDS.map(({ type, what }) => ({
      what,
      call: p.sys.kcmp(pid, tid, type, 0, 0).must(`compare the ${what} of two threads`),
    }));
    return () => {
      const other = checks.find(({ call }) => call.result !== 0);
      if (!other) return;
      const subject = { pid: thread.task.pid, tid };
      throw new CrError('CR_UNSUPPORTED', {
        message: `has a ${other.what} of its own in one thread, which images cannot hold`,
        subject,
        target: 'running',
      });
    };
  },
};
