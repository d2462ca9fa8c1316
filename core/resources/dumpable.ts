/** May the process be traced and dump core (prctl(2), PR_SET_DUMPABLE)? Belongs to the address space. */
import type { TaskResource } from './resource.js';

const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
/** SUID_DUMP_ROOT: comes from fs.suid_dumpable when a privileged program starts; nobody may set it (EINVAL). */
const ROOT_ONLY = 2;

export const dumpable: TaskResource = {
  name: 'dumpable',
  readInside(p, task) {
    const value = p.sys.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0).must('read the dumpable attribute');
    return () => {
      task.mm.dumpable = value.result;
    };
  },
  plan(task, run) {
    const value = task.mm?.dumpable ?? 1;
    if (value === ROOT_ONLY)
      run.log.warn(
        `pid ${task.pid} wrote core files for root only; no program may ask for that: without fs.suid_dumpable = 2 it writes none`,
      );
    return value > ROOT_ONLY ? [`has the impossible dumpable attribute ${value}: the image is damaged`] : [];
  },
  process: {
    // A change of credentials in any thread resets it for all of them (commit_creds, kernel/cred.c), so it waits until every thread has its own.
    arm(p, task) {
      const value = task.mm?.dumpable;
      if (value === undefined) return;
      const now = p.sys.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0).must('read the dumpable attribute');
      // The change of credentials may have given it, where fs.suid_dumpable says so.
      const same = p.branch(now, 0xff, value);
      p.sys.prctl(PR_SET_DUMPABLE, value === ROOT_ONLY ? 0 : value, 0, 0, 0).must('set the dumpable attribute');
      p.place(same);
    },
  },
};
