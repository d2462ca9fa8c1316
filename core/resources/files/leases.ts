/** Leases (fcntl(2), F_SETLEASE): held, or being broken by somebody who wants to open the file. They are stored among the locks. */
import type { FileLockEntry } from '../../images/generated/files.js';
import type { Program } from '../../program/program.js';
import { F, O } from './open-flags.js';

/** In `type` of file_lock_entry: the rest of it is what the lease is to become. */
export const LEASE_BREAKING = 4;

const F_RDLCK = 0;
const F_WRLCK = 1;
const F_OWNER_PID = 1;

/** What the tasks need to open a file again by its descriptor. */
export interface LeaseFile {
  /** O_* of the description that has the lease. */
  readonly flags: number;
  /** Number of a descriptor for /proc: the task may have another root. */
  readonly proc: number;
}

/**
 * Ops for the task that has the descriptor, before the owner of the description is set: taking a lease makes the caller the owner, and breaking it
 * sends the owner a signal, which came before the dump. So it has none meanwhile.
 *
 * A lease that is being broken is taken as it was, which its access mode tells (a read lease needs O_RDONLY, a write lease is of a file open for
 * writing), and broken by an open that does not wait: to a read lease by one that reads, to none by one that writes.
 */
export function emitLease(p: Program, { fd, type }: FileLockEntry, { flags, proc }: LeaseFile): void {
  const target = type & ~LEASE_BREAKING;
  const breaking = (type & LEASE_BREAKING) !== 0;
  const before = (flags & O.accmode) === O.rdonly ? F_RDLCK : F_WRLCK;
  p.sys
    .fcntl(fd, F.setlease, breaking ? before : target)
    .must(`take the lease of descriptor ${fd} again (somebody else may have the file open)`);
  p.sys.fcntl(fd, F.setownEx, p.struct('f_owner_ex', { type: F_OWNER_PID })).must('have no owner while the lease is broken');
  if (!breaking) return;
  const path = p.cstr(Buffer.from(`thread-self/fd/${fd}`));
  const how = (target === F_RDLCK ? O.rdonly : O.wronly) | O.nonblock | O.cloexec;
  p.sys.openat(proc, path, how, 0).tolerate('EAGAIN', 'the open only breaks the lease');
}
