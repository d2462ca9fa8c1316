/**
 * Threads that took a descriptor table or a working directory of their own with unshare(2): images have one of each for a process, so such a process is
 * refused.
 */
import { CrError } from '../errors.js';
import { KCMP } from '../kernel/kcmp-classes.js';
import type { TaskResource } from './resource.js';
import { whose } from './task-parts.js';

const KINDS = [
  { type: KCMP.files, what: 'descriptor table' },
  { type: KCMP.fs, what: 'working directory, root and umask' },
] as const;

export const threadSharing: TaskResource = {
  name: 'thread-sharing',
  preflight: ({ pid, threads }) =>
    threads.flatMap(({ tid, ownTables }) =>
      KINDS.filter(({ type }) => ownTables.includes(type)).map(
        ({ what }) => `${whose(pid, tid)}has a ${what} of its own, which images cannot hold: have the program start a process for that`,
      ),
    ),
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
