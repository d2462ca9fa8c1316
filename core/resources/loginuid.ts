/** Audit login uid (proc_pid_loginuid(5)): who logged in, kept over su and sudo. 4294967295 is unset. */
import type { OwnState } from '../kernel/own-state.js';
import { readLoginUid } from '../kernel/procfs/task-values.js';
import { hasCapability } from './capabilities.js';
import { emitProcSelf } from './proc-self.js';
import type { TaskResource } from './resource.js';
import { taskPart } from './task-parts.js';

const UNSET = 0xffff_ffff;

/** Why we cannot give a task this login uid: who has one himself may only change it with CAP_AUDIT_CONTROL (kernel/auditsc.c, audit_set_loginuid_perm). */
export function loginUidProblem(uid: number | null | undefined, own: OwnState): string[] {
  const fine = uid === null || uid === undefined || uid === own.loginUid || own.loginUid === null || own.loginUid === UNSET;
  if (fine || hasCapability(own.status.caps.effective, 'AUDIT_CONTROL')) return [];
  const theirs = uid === UNSET ? 'no audit login uid' : `the audit login uid ${uid}`;
  return [
    `has ${theirs}, criu-ts has ${own.loginUid} and no CAP_AUDIT_CONTROL to change it: start criu-ts as the program was started, or with the capability`,
  ];
}

export const loginuid: TaskResource = {
  name: 'loginuid',
  readFrozen(task, run) {
    const uid = readLoginUid(run.thread.proc, task.pid);
    if (uid !== null) taskPart(task.core).loginuid = uid;
  },
  foresee: ({ pid, proc }, own) => loginUidProblem(readLoginUid(proc, pid), own),
  plan: (task, run) => loginUidProblem(taskPart(task.core!).loginuid, run.own),
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
