/** Audit login uid (proc_pid_loginuid(5)): who logged in, kept over su and sudo. 4294967295 is unset. */
import { readLoginUid } from '../kernel/procfs/task-values.js';
import { emitProcSelf } from './proc-self.js';
import type { TaskResource } from './resource.js';
import { taskPart } from './task-parts.js';

export const loginuid: TaskResource = {
  name: 'loginuid',
  readFrozen(task, run) {
    const uid = readLoginUid(run.thread.proc, task.pid);
    if (uid !== null) taskPart(task.core).loginuid = uid;
  },
  process: {
    // Before threads are made: they inherit it. A failure is fatal: without its uid a session may be refused by PAM, or be audited as somebody else's.
    early(p, task, run) {
      const { loginUid } = run.own;
      const uid = taskPart(task.core!).loginuid;
      if (uid === undefined || loginUid === null) return;
      // A seed starts with ours, or with that of a task that forked it; to write even the same value again may be forbidden.
      if (uid === loginUid && run.tasks.every((other) => (other.core?.tc?.loginuid ?? uid) === uid)) return;
      emitProcSelf(p, 'loginuid', String(uid), (write) => write.must(`set the audit login uid ${uid}`));
    },
  },
};
