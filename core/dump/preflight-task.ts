/** What the pre-flight knows about one process while it still runs: every value may be old the moment it was read. */
import type { ProcReader } from '../kernel/procfs/reader.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import { readRestrictions, type Restrictions } from '../kernel/procfs/restrictions.js';
import type { Stat } from '../kernel/procfs/stat.js';
import type { Status } from '../kernel/procfs/status.js';
import { readThreads } from '../kernel/procfs/task-list.js';
import type { TreeNode } from './tree.js';

export interface PreflightThread {
  readonly tid: number;
  /** SCHED_*, as sched_getscheduler(2) tells it. */
  readonly policy: number;
  readonly restrictions: Restrictions;
}

export interface PreflightTask {
  readonly pid: number;
  readonly stat: Stat;
  readonly status: Status;
  /** Leader first; threads that end meanwhile are missing. */
  readonly threads: readonly PreflightThread[];
  readonly proc: ProcReader;
}

/** Policy without SCHED_RESET_ON_FORK (sched(7)). */
const POLICY_MASK = 0x0fff_ffff;

/** Looks at every thread once: thousands are usual, so only at what resources ask about. Throws as ProcReader.read(). */
export function preflightTask(thread: KernelThread, { pid, stat, status }: TreeNode): PreflightTask {
  const { proc } = thread;
  const tids = [pid, ...(readThreads(proc, pid) ?? []).filter((tid) => tid !== pid)];
  const policies = readPolicies(thread, tids);
  const threads = tids.flatMap((tid, i): PreflightThread[] => {
    const restrictions = readRestrictions(proc, pid, tid);
    return restrictions === null || policies[i]! < 0 ? [] : [{ tid, policy: policies[i]! & POLICY_MASK, restrictions }];
  });
  return { pid, stat, status, threads, proc };
}

/** Negative where a thread has ended meanwhile. */
function readPolicies(thread: KernelThread, tids: readonly number[]): number[] {
  const { value, free } = thread.here('preflight.policies', 4096 + tids.length * 64, (p) =>
    tids.map((tid) => p.sys.sched_getscheduler(tid).ignore('a thread may end at any time')),
  );
  const policies = value.map((call) => call.result);
  free();
  return policies;
}
