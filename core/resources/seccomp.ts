/** System call filters (seccomp(2)) are not built yet: tasks and images with any are refused by name. */
import type { TaskResource } from './resource.js';
import { threadPart, whose } from './task-parts.js';

const MODES = ['none', 'strict', 'filter'] as const;

function refusal(pid: number, tid: number, mode: number): string[] {
  return mode === 0 ? [] : [`${whose(pid, tid)}runs under seccomp (mode ${mode}, ${MODES[mode] ?? 'unknown'}), which is not built yet`];
}

export const seccomp: TaskResource = {
  name: 'seccomp',
  preflight: (task) => task.threads.flatMap((thread) => refusal(task.pid, thread.tid, thread.restrictions.seccomp)),
  plan: (task) =>
    task.threads.flatMap((thread) =>
      refusal(task.pid, thread.tid, threadPart(thread.core).seccomp_mode ?? thread.core.tc?.old_seccomp_mode ?? 0),
    ),
};
