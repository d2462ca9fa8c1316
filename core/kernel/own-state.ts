/** What every seed inherits from us, and what we may therefore give away: limits, capabilities, ids. Read once, before anything is created. */
import { CrError } from '../errors.js';
import { readLimits, type Rlimit } from './procfs/limits.js';
import type { ProcReader } from './procfs/reader.js';
import { readStat } from './procfs/stat.js';
import { readStatus, type Status } from './procfs/status.js';
import { readLoginUid, readOomScoreAdj } from './procfs/task-values.js';

export interface OwnState {
  readonly status: Status;
  /** By RLIMIT_ number. */
  readonly limits: readonly Rlimit[];
  /** SCHED_*, 0 is that of ordinary programs. */
  readonly policy: number;
  /** -20 .. 19 */
  readonly nice: number;
  /** null when /proc does not tell. */
  readonly oomScoreAdj: number | null;
  /** 4294967295 when never set; null without CONFIG_AUDIT. */
  readonly loginUid: number | null;
}

/** Throws CR_KERNEL when /proc does not show us. */
export function readOwnState(proc: ProcReader, pid = process.pid): OwnState {
  const status = readStatus(proc, pid);
  const limits = readLimits(proc, pid);
  const stat = readStat(proc, pid);
  if (!status || !limits || !stat)
    throw new CrError('CR_KERNEL', { message: 'does not show our own process', subject: { path: '/proc' }, hint: 'Mount proc at /proc.' });
  return {
    status,
    limits,
    policy: stat.policy,
    nice: stat.nice,
    oomScoreAdj: readOomScoreAdj(proc, pid),
    loginUid: readLoginUid(proc, pid),
  };
}
