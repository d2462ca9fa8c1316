/** /proc/PID/fd: open descriptors and what their links say (proc_pid_fd(5)). */
import { CrError } from '../../errors.js';
import { type ProcReader, taskDir } from './reader.js';
import { parseIdName } from './task-list.js';

/** A descriptor number is below fs.nr_open, which is at most INT_MAX rounded down (fs/file.c, sysctl_nr_open_max). */
const FD_MAX = 0x7fff_ffff;

/** An open descriptor. */
export interface FdEntry {
  readonly fd: number;
  /** Path, or `kind:[inode]`, `anon_inode:[kind]`, `/memfd:name (deleted)` ... */
  readonly link: string;
}

/** Descriptor numbers from names in the folder, ascending. Throws CR_KERNEL. */
export function parseFdNames(names: readonly string[], path: string): number[] {
  const fds = names.map((name) => {
    const fd = parseIdName(name, FD_MAX);
    if (fd < 0) throw new CrError('CR_KERNEL', { message: `"${name}" is not a descriptor`, subject: { path } });
    return fd;
  });
  return fds.sort((a, b) => a - b);
}

/** Numbers of all open descriptors, ascending. Null when the task is gone. A zombie has none. */
export function readFdNumbers(reader: ProcReader, pid: number, tid?: number): number[] | null {
  const dir = `${taskDir(pid, tid)}/fd`;
  const names = reader.names(dir);
  return names === null ? null : parseFdNames(names, reader.path(dir));
}

/** Text of one link. Null when it was closed or the task is gone. */
export function readFdLink(reader: ProcReader, pid: number, fd: number, tid?: number): string | null {
  return reader.link(`${taskDir(pid, tid)}/fd/${fd}`);
}

/** All open descriptors with their links. One that is closed meanwhile (the task runs) is left out. Null when the task is gone. */
export function readFds(reader: ProcReader, pid: number, tid?: number): FdEntry[] | null {
  const fds = readFdNumbers(reader, pid, tid);
  if (fds === null) return null;
  const out: FdEntry[] = [];
  for (const fd of fds) {
    const link = readFdLink(reader, pid, fd, tid);
    if (link !== null) out.push({ fd, link });
  }
  return out;
}
