/** oom_score_adj: how readily the kernel kills the process when memory runs out (proc_pid_oom_score_adj(5)). */
import type { OwnState } from '../kernel/own-state.js';
import { readOomScoreAdj } from '../kernel/procfs/task-values.js';
import { hasCapability } from './capabilities.js';
import { emitProcSelf } from './proc-self.js';
import type { TaskResource } from './resource.js';
import { taskPart } from './task-parts.js';

const LIMIT = 1000;

const mayLower = (own: OwnState) => hasCapability(own.status.caps.effective, 'SYS_RESOURCE');

/** Why a task may not have its value again, or null. CRIU restores it without, too. */
export function lossOf(value: number | null, own: OwnState): string | null {
  const ours = own.oomScoreAdj ?? 0;
  if (value === null || value >= ours || mayLower(own)) return null;
  return `had oom_score_adj ${value}; without CAP_SYS_RESOURCE it may keep that of criu-ts, ${ours}`;
}

export const oomScore: TaskResource = {
  name: 'oom-score',
  readFrozen(task, run) {
    const value = readOomScoreAdj(run.thread.proc, task.pid);
    if (value !== null) taskPart(task.core).oom_score_adj = value;
  },
  foregone({ pid, proc }, own) {
    if (mayLower(own)) return [];
    const loss = lossOf(readOomScoreAdj(proc, pid), own);
    return loss === null ? [] : [loss];
  },
  plan(task, run) {
    const value = taskPart(task.core!).oom_score_adj ?? 0;
    const loss = lossOf(value, run.own);
    if (loss !== null) run.log.warn(`pid ${task.pid} ${loss}`);
    return Math.abs(value) <= LIMIT ? [] : [`has the impossible oom_score_adj ${value}: the image is damaged`];
  },
  process: {
    // Always written, 0 too: the seed has inherited ours or its parent's.
    early(p, task) {
      const value = taskPart(task.core!).oom_score_adj;
      if (value === undefined) return;
      emitProcSelf(p, 'oom_score_adj', String(value), (write) =>
        write.tolerate('EACCES', 'below the lowest value ever set by root it needs CAP_SYS_RESOURCE; CRIU goes on without it too'),
      );
    },
  },
};
