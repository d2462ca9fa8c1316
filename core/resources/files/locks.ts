/** File locks: flock(2), POSIX record locks and open-file-description locks (fcntl(2)). Leases are refused. */
import { CrError } from '../../errors.js';
import type { DumpTask } from '../../dump/model.js';
import type { FileLockEntry } from '../../images/generated/files.js';
import { readFdInfo } from '../../kernel/procfs/fdinfo.js';
import type { FileLock } from '../../kernel/procfs/locks.js';
import type { Program } from '../../program/program.js';
import type { RestoreRun, RestoreTask } from '../../restore/model.js';
import type { DumpContext } from './kind.js';

/** `flag` and `type` of file_lock_entry. */
const KIND = { posix: 1, flock: 2, ofd: 4, lease: 8 } as const;
const F_RDLCK = 0;
const F_WRLCK = 1;
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const F_SETLK = 6;
const F_OFD_SETLK = 37;
const SEEK_SET = 0;
const FLOCK_SIZE = 32;

function entryOf(lock: FileLock, pid: number, fd: number): FileLockEntry {
  const exclusive = lock.access === 'WRITE';
  const len = lock.end === null ? 0n : lock.end - lock.start + 1n;
  const base = { pid, fd, start: lock.start, len };
  if (lock.type === 'FLOCK') return { ...base, flag: KIND.flock, type: exclusive ? LOCK_EX : LOCK_SH };
  return { ...base, flag: lock.type === 'POSIX' ? KIND.posix : KIND.ofd, type: exclusive ? F_WRLCK : F_RDLCK };
}

/**
 * Locks as fdinfo shows them. A POSIX lock belongs to a process and shows at every descriptor of that file in it; the others belong to a description
 * and show in every process that has it. Each is written once.
 */
export function dumpLocks(tasks: readonly DumpTask[], fdsOf: (task: DumpTask) => readonly number[], { run }: DumpContext): void {
  const seen = new Set<string>();
  for (const task of tasks)
    for (const fd of fdsOf(task)) {
      const info = readFdInfo(run.thread.proc, task.pid, fd);
      for (const lock of info?.locks ?? []) {
        if (lock.blocked) continue;
        if (lock.type === 'POSIX' && lock.pid !== task.pid) continue;
        const key = `${lock.type} ${lock.type === 'POSIX' ? lock.pid : ''} ${lock.devMajor}:${lock.devMinor}:${lock.inode} ${lock.access} ${lock.start} ${lock.end}`;
        if (!run.options.fileLocks || !['POSIX', 'FLOCK', 'OFDLCK'].includes(lock.type)) throw refused(task, fd, lock);
        if (seen.has(key)) continue;
        seen.add(key);
        run.images.add('filelocks', undefined, entryOf(lock, task.nsPid, fd));
      }
    }
}

function refused(task: DumpTask, fd: number, lock: FileLock): CrError {
  return new CrError('CR_UNSUPPORTED', {
    message: `holds a lock (${lock.type} ${lock.access})`,
    subject: { pid: task.pid, fd },
    hint: ['POSIX', 'FLOCK', 'OFDLCK'].includes(lock.type)
      ? 'Dump locks with --file-locks.'
      : 'Leases are not built yet: let the program give it up.',
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
    if (![KIND.posix, KIND.flock, KIND.ofd].includes(lock.flag as 1))
      throw new CrError('CR_IMAGE_FEATURE', {
        message: `has a lock of kind ${lock.flag}, which is not built yet`,
        subject,
        target: 'not started',
      });
    const list = out.get(lock.pid) ?? [];
    list.push(lock);
    out.set(lock.pid, list);
  }
  return out;
}

/** After the service descriptors were closed: closing any descriptor of a file drops all POSIX locks of the process on it (fcntl(2)). */
export function emitLocks(p: Program, task: RestoreTask, locks: readonly FileLockEntry[]): void {
  for (const { flag, fd, type, start, len } of locks) {
    const what = `take a lock on descriptor ${fd} of process ${task.pid} again (somebody else may hold it)`;
    if (flag === KIND.flock) {
      p.sys.flock(fd, type | LOCK_NB).must(what);
      continue;
    }
    // struct flock: l_type and l_whence 16 bits each, l_start at 8, l_len at 16, l_pid (0 for OFD) at 24.
    const lock = p.out(FLOCK_SIZE).setU32(0, (type & 0xffff) | (SEEK_SET << 16));
    lock.setU64(8, start).setU64(16, len);
    p.sys.fcntl(fd, flag === KIND.posix ? F_SETLK : F_OFD_SETLK, lock).must(what);
  }
}
