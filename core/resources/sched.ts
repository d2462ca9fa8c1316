/** Scheduling of every thread: policy, real-time priority, nice value (sched(7)). CRIU keeps these three. */
import { CrError } from '../errors.js';
import type { ThreadCoreEntry } from '../images/generated/core.js';
import type { OwnState } from '../kernel/own-state.js';
import { hasCapability } from './capabilities.js';
import type { TaskResource } from './resource.js';
import { credsPart, threadPart, whose } from './task-parts.js';

/** linux/sched.h */
const POLICY = { other: 0, fifo: 1, rr: 2, batch: 3, idle: 5, deadline: 6, ext: 7 } as const;
/** Added to the policy by sched_getscheduler(2): children start with SCHED_OTHER. */
const RESET_ON_FORK = 0x4000_0000;
const FLAG_RESET_ON_FORK = 1n;
const PRIO_PROCESS = 0;
/** getpriority(2), the system call: 20 - nice, so that an answer is never negative. */
const NICE_ORIGIN = 20;
const NICE_MIN = -20;
const NICE_MAX = 19;
const RT_PRIORITY_MAX = 99;
const UTIL_MAX = 1024;

function isRealTime(policy: number): boolean {
  return policy === POLICY.fifo || policy === POLICY.rr;
}

/** Name of a policy that no image can hold, or null. */
export function unsupportedPolicy(policy: number): string | null {
  if (policy === POLICY.deadline) return 'SCHED_DEADLINE';
  if (policy === POLICY.ext) return 'SCHED_EXT';
  return policy > POLICY.ext ? `scheduling policy ${policy}` : null;
}

/** Are utilization clamps set? Without any the answer is 0 and 1024 (1024 and 1024 for real-time threads), or 0 and 0 without CONFIG_UCLAMP_TASK. */
export function isClamped(policy: number, min: number, max: number): boolean {
  if (min === 0 && max === 0) return false;
  return max !== UTIL_MAX || (min !== 0 && !(isRealTime(policy) && min === UTIL_MAX));
}

/** Why this scheduling cannot be set, or null. */
export function schedProblem({ sched_policy = 0, sched_prio = 0, sched_nice = 0 }: Partial<ThreadCoreEntry>): string | null {
  const policy = sched_policy & ~RESET_ON_FORK;
  const other = unsupportedPolicy(policy);
  if (other !== null || policy < 0 || policy === 4) return `has ${other ?? `scheduling policy ${sched_policy}`}, which cannot be restored`;
  const fits = isRealTime(policy) ? sched_prio >= 1 && sched_prio <= RT_PRIORITY_MAX : sched_prio === 0;
  if (!fits || sched_nice < NICE_MIN || sched_nice > NICE_MAX)
    return `has policy ${policy} with priority ${sched_prio} and nice value ${sched_nice}, which do not go together: the image is damaged`;
  return null;
}

type Wanted = Partial<Pick<ThreadCoreEntry, 'sched_policy' | 'sched_prio' | 'sched_nice'>>;

/** Threads start with what criu-ts has: then nothing is set, and no right to set it is needed. */
function isOurs({ sched_policy = 0, sched_nice = 0 }: Wanted, { policy, nice }: OwnState): boolean {
  return sched_policy === POLICY.other && policy === POLICY.other && sched_nice === nice;
}

/** Whether a thread of these users is a foreign one for us (sched_setscheduler(2), setpriority(2)). */
function isForeign({ uid, euid }: { readonly uid: number; readonly euid: number }, own: OwnState): boolean {
  const us = own.status.uids[1];
  return uid !== us && euid !== us;
}

/** Why we may not give a thread this scheduling: without CAP_SYS_NICE only threads of our own user, and only downwards. */
export function niceProblem(wanted: Wanted, ids: { readonly uid: number; readonly euid: number }, own: OwnState): string | null {
  const { sched_policy = 0, sched_nice = 0 } = wanted;
  if (isOurs(wanted, own) || hasCapability(own.status.caps.effective, 'SYS_NICE')) return null;
  if (!isRealTime(sched_policy & ~RESET_ON_FORK) && sched_nice >= own.nice && !isForeign(ids, own)) return null;
  return (
    `has scheduling policy ${sched_policy} and nice value ${sched_nice}, criu-ts has ${own.policy} and ${own.nice} and no CAP_SYS_NICE: ` +
    'start criu-ts with that nice value, or with the capability'
  );
}

export const sched: TaskResource = {
  name: 'sched',
  preflight: (task) =>
    task.threads.flatMap(({ tid, policy, clamps }) => {
      const name = unsupportedPolicy(policy);
      if (name !== null) return [`${whose(task.pid, tid)}runs under ${name}, which images cannot hold: set another policy first (chrt)`];
      return isClamped(policy, clamps.min, clamps.max)
        ? [
            `${whose(task.pid, tid)}has utilization clamps (uclamp), which images cannot hold: remove them first (uclampset -m -1 -M -1 -p ${tid})`,
          ]
        : [];
    }),
  readOutside(p, thread) {
    const attr = p.struct('sched_attr');
    p.sys.sched_getattr(thread.tid, attr, attr.size, 0).must('read the scheduling policy');
    // Of a real-time thread sched_getattr tells no nice value, but the kernel keeps one.
    const nice = p.sys.getpriority(PRIO_PROCESS, thread.tid).must('read the nice value');
    return () => {
      const policy = attr.get('sched_policy');
      const subject = { pid: thread.task.pid, tid: thread.tid };
      if (unsupportedPolicy(policy) !== null)
        throw new CrError('CR_UNSUPPORTED', { message: `runs under ${unsupportedPolicy(policy)!}`, subject, target: 'running' });
      if (isClamped(policy, attr.get('sched_util_min'), attr.get('sched_util_max')))
        throw new CrError('CR_UNSUPPORTED', {
          message: 'has utilization clamps (uclamp), which images cannot hold',
          subject,
          target: 'running',
        });
      const core = threadPart(thread.core);
      core.sched_policy = policy | ((attr.get('sched_flags') & FLAG_RESET_ON_FORK) === 0n ? 0 : RESET_ON_FORK);
      core.sched_nice = NICE_ORIGIN - nice.result;
      if (isRealTime(policy)) core.sched_prio = attr.get('sched_priority');
    };
  },
  foresee({ stat, status }, own) {
    const wanted = { sched_policy: stat.policy, sched_prio: stat.rtPriority, sched_nice: stat.nice };
    const problem = niceProblem(wanted, { uid: status.uids[0], euid: status.uids[1] }, own);
    return problem === null ? [] : [problem];
  },
  plan: (task, run) =>
    task.threads.flatMap((thread) => {
      const problem = schedProblem(threadPart(thread.core)) ?? niceProblem(threadPart(thread.core), credsPart(thread.core), run.own);
      return problem === null ? [] : [whose(task.pid, thread.tid) + problem];
    }),
  // From outside and at the very end: we keep the privilege that the thread's credentials lack, and no step of the restore waits for an idle-class
  // thread or competes with a real-time one.
  release(p, thread, run) {
    if (isOurs(threadPart(thread.core), run.own)) return;
    const { sched_policy = 0, sched_prio = 0, sched_nice = 0 } = threadPart(thread.core);
    p.sys.setpriority(PRIO_PROCESS, thread.tid, sched_nice).must(`give thread ${thread.tid} the nice value ${sched_nice}`);
    p.sys
      .sched_setscheduler(thread.tid, sched_policy, p.out(8).setU32(0, sched_prio))
      .must(`give thread ${thread.tid} its scheduling policy`);
  },
};
