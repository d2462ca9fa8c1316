/** What every seed inherits from us, and what we may therefore give away: limits, capabilities, ids. Read once, before anything is created. */
import { CrError } from '../errors.js';
import { readLimits, type Rlimit } from '../kernel/procfs/limits.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import { readStatus, type Status } from '../kernel/procfs/status.js';
import { readLoginUid } from '../kernel/procfs/task-values.js';

export interface OwnState {
  readonly status: Status;
  /** By RLIMIT_ number. */
  readonly limits: readonly Rlimit[];
  /** 4294967295 when never set; null without CONFIG_AUDIT. */
  readonly loginUid: number | null;
}

/** Throws CR_KERNEL when /proc does not show us. */
export function readOwnState(proc: ProcReader, pid = process.pid): OwnState {
  const status = readStatus(proc, pid);
  const limits = readLimits(proc, pid);
  if (!status || !limits)
    throw new CrError('CR_KERNEL', { message: 'does not show our own process', subject: { path: '/proc' }, hint: 'Mount proc at /proc.' });
  return { status, limits, loginUid: readLoginUid(proc, pid) };
}
