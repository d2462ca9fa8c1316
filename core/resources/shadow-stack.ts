/** User shadow stacks (arch_prctl(2), ARCH_SHSTK_ENABLE; Linux 6.6 on x86-64) are not built yet: tasks that have them are refused by name. */
import type { TaskResource } from './resource.js';
import { whose } from './task-parts.js';

export const shadowStack: TaskResource = {
  name: 'shadow-stack',
  preflight: (task) =>
    task.threads.flatMap(({ tid, status }) =>
      status.x86ThreadFeatures.includes('shstk')
        ? [`${whose(task.pid, tid)}has a shadow stack, which is not built yet: start it with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off`]
        : [],
    ),
  plan: (task) =>
    task.threads.flatMap(({ tid, core }) => {
      const cet = core.thread_info?.fpregs.xsave?.cet;
      return cet === undefined || cet.cet === 0n ? [] : [`${whose(task.pid, tid)}has a shadow stack, which is not built yet`];
    }),
};
