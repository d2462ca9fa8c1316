/** File locks: flock(2), POSIX record locks and open-file-description locks (fcntl(2)). Leases, which are in the same image, are in leases.ts. */
import { CrError } from '../../errors.js';
import type { DumpTask } from '../../dump/model.js';
import type { FileLockEntry } from '../../images/generated/files.js';
import type { FileLock } from '../../kernel/procfs/locks.js';
import type { Program } from '../../program/program.js';
import type { RestoreRun, RestoreTask } from '../../restore/model.js';
import type { DumpContext } from './kind.js';
import { LEASE_BREAKING } from './leases.js';

/** `flag` of file_lock_entry. */
export const LOCK_KIND = { posix: 1, flock: 2, ofd: 4, lease: 8 } as const;
const KNOWN_KINDS: readonly number[] = Object.values(LOCK_KIND);
const KIND_OF: Readonly<Record<string, number>> = {
  POSIX: LOCK_KIND.posix,
  FLOCK: LOCK_KIND.flock,
  OFDLCK: LOCK_KIND.ofd,
  LEASE: LOCK_KIND.lease,
};
/** `type` of file_lock_entry, for all kinds: F_RDLCK, F_WRLCK, F_UNLCK (fcntl(2)). */
export const LOCK_TYPE: Readonly<Record<string, number>> = { READ: 0, WRITE: 1, UNLCK: 2 };
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const F_SETLK = 6;
const F_OFD_SETLK = 37;
const SEEK_SET = 0;

/** Where locks may be held: a task, its descriptors, and which description each of them is. */
export interface LockHolder {
  readonly task: DumpTask;
  /** Other live processes of the tree that share the table. */
  readonly sharers: readonly DumpTask[];
  /** Description by descriptor. */
  readonly fds: ReadonlyMap<number, number>;
  /** What fdinfo shows, by descriptor; none for most. */
  readonly locks: ReadonlyMap<number, readonly FileLock[]>;
}

/**
 * Locks as fdinfo shows them: at the description that they were taken by. A POSIX lock belongs to a table and shows in that only; the others show in
 * every process that has the description. Each is written once, for one of the descriptors.
 */
export function dumpLocks(holders: readonly LockHolder[], { run }: DumpContext): void {
  const seen = new Set<string>();
  for (const { task, sharers, fds, locks } of holders)
    for (const [fd, shown] of locks) {
      const description = fds.get(fd)!;
      for (const lock of shown) {
        if (lock.blocked) continue;
        const posix = lock.type === 'POSIX';
        // Of processes that share a table the one that took the lock is named, if it still lives.
        if (posix && lock.pid !== task.pid && sharers.some(({ pid }) => pid === lock.pid)) continue;
        const key = `${lock.type} ${posix ? task.pid : ''} ${description} ${lock.access} ${lock.start} ${lock.end}`;
        if (!run.options.fileLocks || KIND_OF[lock.type] === undefined) throw refused(task, fd, lock);
        if (seen.has(key)) continue;
        seen.add(key);
        run.images.add('filelocks', undefined, entryOf(lock, task.nsPid, fd));
      }
    }
}

function entryOf(lock: FileLock, pid: number, fd: number): FileLockEntry {
  const len = lock.end === null ? 0n : lock.end - lock.start + 1n;
  const breaking = lock.type === 'LEASE' && lock.mode === 'BREAKING' ? LEASE_BREAKING : 0;
  return { flag: KIND_OF[lock.type]!, type: LOCK_TYPE[lock.access]! | breaking, pid, fd, start: lock.start, len };
}

function refused(task: DumpTask, fd: number, lock: FileLock): CrError {
  return new CrError('CR_UNSUPPORTED', {
    message: `holds a lock (${lock.type} ${lock.access})`,
    subject: { pid: task.pid, fd },
    hint: KIND_OF[lock.type] === undefined ? 'Let the program give it up before the dump.' : 'Dump locks with --file-locks.',
    target: 'running',
  });
}

/** Locks by process. Throws CR_IMAGE_BAD. */
export function readFileLocks(run: RestoreRun): Map<number, FileLockEntry[]> {
  const out = new Map<number, FileLockEntry[]>();
  const { images } = run;
  if (!images.exists('filelocks')) return out;
  const live = new Set(run.tasks.filter((task) => task.kind === 'live').map((task) => task.pid));
  for (const lock of images.readAll('filelocks')) {
    const subject = { path: images.pathOf('filelocks.img') };
    if (!live.has(lock.pid))
      throw new CrError('CR_IMAGE_BAD', {
        message: `has a lock of process ${lock.pid}, which is not there`,
        subject,
        target: 'not started',
      });
    if (!KNOWN_KINDS.includes(lock.flag))
      throw new CrError('CR_IMAGE_FEATURE', {
        message: `has a lock of kind ${lock.flag}, which is not built yet`,
        subject,
        target: 'not started',
      });
    if ((lock.type & ~LEASE_BREAKING) >>> 0 > LOCK_TYPE.UNLCK! || (lock.flag !== LOCK_KIND.lease && lock.type > LOCK_TYPE.WRITE!))
      throw new CrError('CR_IMAGE_BAD', { message: `has a lock of the unknown type ${lock.type}`, subject, target: 'not started' });
    const list = out.get(lock.pid) ?? [];
    list.push(lock);
    out.set(lock.pid, list);
  }
  return out;
}

/** The operation of flock(2). */
function flockOf({ type }: FileLockEntry): number {
  return (type === LOCK_TYPE.READ ? LOCK_SH : LOCK_EX) | LOCK_NB;
}

/** After the service descriptors were closed: closing any descriptor of a file drops all POSIX locks of the process on it (fcntl(2)). */
export function emitLocks(p: Program, task: RestoreTask, locks: readonly FileLockEntry[]): void {
  for (const entry of locks) {
    const { flag, fd, type, start, len } = entry;
    if (flag === LOCK_KIND.lease) continue;
    const what = `take a lock on descriptor ${fd} of process ${task.pid} again (somebody else may hold it)`;
    if (flag === LOCK_KIND.flock) {
      p.sys.flock(fd, flockOf(entry)).must(what);
      continue;
    }
    // l_pid stays 0: it must for OFD locks.
    const lock = p.struct('flock', { l_type: type, l_whence: SEEK_SET, l_start: start, l_len: len });
    p.sys.fcntl(fd, flag === LOCK_KIND.posix ? F_SETLK : F_OFD_SETLK, lock).must(what);
  }
}
