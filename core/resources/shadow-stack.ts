/** User shadow stacks (on x86-64: arch_prctl(2), ARCH_SHSTK_ENABLE) are not built yet: tasks that have them are refused by name. */
import { arch } from '../arch/current.js';
import type { TaskResource } from './resource.js';
import { whose } from './task-parts.js';

export const shadowStack: TaskResource = {
  name: 'shadow-stack',
  preflight: (task) =>
    task.threads.flatMap(({ tid, restrictions }) =>
      arch.shadowStack.inStatus(restrictions)
        ? [`${whose(task.pid, tid)}has a shadow stack, which is not built yet: ${arch.shadowStack.hint}`]
        : [],
    ),
  plan: (task) =>
    task.threads.flatMap(({ tid, core }) =>
      arch.shadowStack.inImage(core) ? [`${whose(task.pid, tid)}has a shadow stack, which is not built yet`] : [],
    ),
};
