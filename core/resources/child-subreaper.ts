/** Does the process adopt orphans among its descendants (prctl(2), PR_SET_CHILD_SUBREAPER)? */
import type { TaskResource } from './resource.js';
import { taskPart } from './task-parts.js';

const PR_SET_CHILD_SUBREAPER = 36;
const PR_GET_CHILD_SUBREAPER = 37;

export const childSubreaper: TaskResource = {
  name: 'child-subreaper',
  readInside(p, task) {
    const at = p.out(4);
    p.sys.prctl(PR_GET_CHILD_SUBREAPER, at, 0, 0, 0).must('read the subreaper attribute');
    return () => {
      taskPart(task.core).child_subreaper = at.u32() !== 0;
    };
  },
  process: {
    // After the helpers are gone: what they leave behind must not be adopted by a process of the tree.
    arm(p, task) {
      if (taskPart(task.core!).child_subreaper === true) p.sys.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0).must('become a subreaper');
    },
  },
};
