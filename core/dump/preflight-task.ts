/** What the pre-flight knows about one process while it still runs: every value may be old the moment it was read. */
import type { ProcReader } from '../kernel/procfs/reader.js';
import { readStat, type Stat } from '../kernel/procfs/stat.js';
import { readStatus, type Status } from '../kernel/procfs/status.js';
import { readThreads } from '../kernel/procfs/task-list.js';
import type { TreeNode } from './tree.js';

export interface PreflightThread {
  readonly tid: number;
  readonly stat: Stat;
  readonly status: Status;
}

export interface PreflightTask {
  readonly pid: number;
  readonly stat: Stat;
  readonly status: Status;
  /** Leader first; threads that end meanwhile are missing. */
  readonly threads: readonly PreflightThread[];
  readonly proc: ProcReader;
}

/** Reads every thread once. Throws as ProcReader.read(). */
export function preflightTask(proc: ProcReader, node: TreeNode): PreflightTask {
  const { pid, stat, status } = node;
  const threads: PreflightThread[] = [{ tid: pid, stat, status }];
  for (const tid of readThreads(proc, pid) ?? []) {
    if (tid === pid) continue;
    const of = { stat: readStat(proc, pid, tid), status: readStatus(proc, pid, tid) };
    if (of.stat && of.status) threads.push({ tid, stat: of.stat, status: of.status });
  }
  return { pid, stat, status, threads, proc };
}
