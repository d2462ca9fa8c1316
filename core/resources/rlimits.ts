/** Resource limits (getrlimit(2)). They belong to the process. */
import { CrError } from '../errors.js';
import type { RlimitEntry } from '../images/generated/core.js';
import type { OwnState } from '../kernel/own-state.js';
import { readLimits, RLIM_INFINITY, RLIM_NLIMITS, type Rlimit } from '../kernel/procfs/limits.js';
import type { Program } from '../program/program.js';
import type { RestoreTask } from '../restore/model.js';
import { hasCapability } from './capabilities.js';
import type { TaskResource } from './resource.js';
import { taskPart } from './task-parts.js';

/** By number: include/uapi/asm-generic/resource.h. */
const NAMES = [
  'CPU',
  'FSIZE',
  'DATA',
  'STACK',
  'CORE',
  'RSS',
  'NPROC',
  'NOFILE',
  'MEMLOCK',
  'AS',
  'LOCKS',
  'SIGPENDING',
  'MSGQUEUE',
  'NICE',
  'RTPRIO',
  'RTTIME',
];

/** DATA, MEMLOCK, AS, SIGPENDING: they bound what is made before the limits of the task are set. */
const HINDERING = [2, 8, 9, 11] as const;

const mayRaise = (own: OwnState) => hasCapability(own.status.caps.effective, 'SYS_RESOURCE');

function amount(value: bigint): string {
  return value === RLIM_INFINITY ? 'unlimited' : String(value);
}

/** As the kernel wants it: never soft above hard (it would say EINVAL). CRIU lowers the soft one too. */
function clamp({ cur, max }: RlimitEntry): RlimitEntry {
  return { cur: cur > max ? max : cur, max };
}

/** Limits of an image that a process cannot get: hard ones above those of its creator, who may not raise them. */
export function limitProblems(wanted: readonly RlimitEntry[], own: readonly Rlimit[], mayRaise: boolean): string[] {
  if (wanted.length > RLIM_NLIMITS) return [`has ${wanted.length} resource limits; this kernel has ${RLIM_NLIMITS}`];
  if (mayRaise) return [];
  return wanted.flatMap(({ max }, resource) => {
    const have = own[resource]!.hard;
    return max <= have
      ? []
      : [
          `needs the hard limit RLIMIT_${NAMES[resource]!} ${amount(max)}, and criu-ts has ${amount(have)} and no CAP_SYS_RESOURCE to raise it: ` +
            'start criu-ts with that limit (ulimit -H), or with the capability',
        ];
  });
}

function limitsOf(task: RestoreTask): RlimitEntry[] {
  return taskPart(task.core!).rlimits?.rlimits ?? [];
}

function emitLimit(p: Program, resource: number, entry: RlimitEntry): void {
  const { cur, max } = clamp(entry);
  p.sys
    .prlimit64(0, resource, p.struct('rlimit64', { rlim_cur: cur, rlim_max: max }), 0)
    .must(`set RLIMIT_${NAMES[resource]!} to ${amount(cur)}, ${amount(max)}`);
}

export const rlimits: TaskResource = {
  name: 'rlimits',
  readFrozen(task, run) {
    // From text: prlimit(2) of another user's process needs CAP_SYS_RESOURCE, also for reading.
    const limits = readLimits(run.thread.proc, task.pid);
    if (!limits)
      throw new CrError('CR_TARGET_LOST', { message: 'ended while it was frozen', subject: { pid: task.pid }, target: 'running' });
    taskPart(task.core).rlimits = { rlimits: limits.map(({ soft, hard }) => ({ cur: soft, max: hard })) };
  },
  foresee({ pid, proc }, own) {
    if (mayRaise(own)) return [];
    return limitProblems(
      (readLimits(proc, pid) ?? []).map(({ soft, hard }) => ({ cur: soft, max: hard })),
      own.limits,
      false,
    );
  },
  plan: (task, run) => limitProblems(limitsOf(task), run.own.limits, mayRaise(run.own)),
  process: {
    // What we gave ourselves as soft limit must not be in the way of what the tasks had. The first task hands it down.
    early(p, task, run) {
      if (task !== run.tasks[0]) return;
      for (const resource of HINDERING) {
        const { soft, hard } = run.own.limits[resource]!;
        if (soft < hard) emitLimit(p, resource, { cur: hard, max: hard });
      }
    },
    // After everything that they limit (queued signals too), and before the credentials that may raise a hard limit go.
    limits(p, task, run) {
      const wanted = limitsOf(task);
      wanted.forEach((entry, resource) => emitLimit(p, resource, entry));
      // Images without limits: as whoever restores has them.
      for (const resource of HINDERING) {
        const { soft, hard } = run.own.limits[resource]!;
        if (!wanted[resource] && soft < hard) emitLimit(p, resource, { cur: soft, max: hard });
      }
    },
  },
};
