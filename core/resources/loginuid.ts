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
      const uid = taskPart(task.core!).loginuid;
      const inherited = task.parent?.core?.tc?.loginuid ?? run.own.loginUid;
      if (uid === undefined || inherited === null || (uid === inherited && uid === run.own.loginUid)) return;
      emitProcSelf(p, 'loginuid', String(uid), (write) => write.must(`set the audit login uid ${uid}`));
    },
  },
};
