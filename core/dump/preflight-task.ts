/** What the pre-flight knows about one process while it still runs: every value may be old the moment it was read. */
import type { ProcReader } from '../kernel/procfs/reader.js';
import { KCMP } from '../kernel/kcmp-classes.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import { restrictionsOf, type Restrictions } from '../kernel/procfs/restrictions.js';
import { readStat, type Stat } from '../kernel/procfs/stat.js';
import type { Status } from '../kernel/procfs/status.js';
import { readStatusTexts } from '../kernel/thread-status.js';
import { readThreads } from '../kernel/procfs/task-list.js';
import type { TreeNode } from './tree.js';

export interface PreflightThread {
  readonly tid: number;
  /** SCHED_* */
  readonly policy: number;
  /** Utilization clamps (sched_setattr(2)). */
  readonly clamps: { readonly min: number; readonly max: number };
  /** Kinds of tables (KCMP of core/kernel/kcmp-classes.ts) that are not those of the leader. */
  readonly ownTables: readonly number[];
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

/** Set before a thread gives up its tables (include/linux/sched.h). */
const PF_EXITING = 4;
const TABLES = [KCMP.files, KCMP.fs];
/** Bytes of a program for one thread: cells, and what sched_getattr fills. */
const ROOM = 4 * 64 + 64;

/** Looks at every thread once: thousands are usual, so only at what resources ask about. Throws as ProcReader.read(). */
export function preflightTask(thread: KernelThread, { pid, stat, status }: TreeNode): PreflightTask {
  const { proc } = thread;
  const tids = [pid, ...(readThreads(proc, pid) ?? []).filter((tid) => tid !== pid)];
  const seen = look(thread, tids);
  const restricted: Restrictions[] = [];
  readStatusTexts(thread, pid, tids, (i, text) => (restricted[i] = restrictionsOf(text)));
  const threads = tids.flatMap((tid, i): PreflightThread[] => {
    const restrictions = restricted[i];
    const calls = seen[i];
    if (restrictions === undefined || calls === undefined) return [];
    return [{ tid, restrictions, ...calls, ownTables: calls.ownTables.length === 0 || isEnding(proc, pid, tid) ? [] : calls.ownTables }];
  });
  return { pid, stat, status, threads, proc };
}

/** Who ends has given up its tables, and they look like its own. */
function isEnding(proc: ProcReader, pid: number, tid: number): boolean {
  const stat = readStat(proc, pid, tid);
  return stat === null || (stat.flags & PF_EXITING) !== 0;
}

/** Undefined where a thread has ended meanwhile. */
function look(thread: KernelThread, tids: readonly number[]): (Omit<PreflightThread, 'tid' | 'restrictions'> | undefined)[] {
  const [leader = 0] = tids;
  const { value, free } = thread.here('preflight.threads', 4096 + tids.length * ROOM, (p) =>
    tids.map((tid) => {
      const attr = p.struct('sched_attr');
      const asked = p.sys.sched_getattr(tid, attr, attr.size, 0).ignore('a thread may end at any time');
      const tables = tid === leader ? [] : TABLES;
      const compared = tables.map((table) => p.sys.kcmp(leader, tid, table, 0, 0).ignore('the same, or the kernel has no kcmp'));
      return { attr, asked, compared };
    }),
  );
  const out = value.map(({ attr, asked, compared }) => {
    if (asked.result < 0) return undefined;
    const clamps = { min: attr.get('sched_util_min'), max: attr.get('sched_util_max') };
    // Equal is 0, unequal above that; errors are below.
    return { policy: attr.get('sched_policy'), clamps, ownTables: TABLES.filter((_, i) => (compared[i]?.result ?? 0) > 0) };
  });
  free();
  return out;
}
