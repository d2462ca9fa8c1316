/** Files behind the links of /proc. */
import { type BigIntStats, statSync } from 'node:fs';
import type { ProcReader } from '../../kernel/procfs/reader.js';
import { readFdLink, readFdNumbers } from '../../kernel/procfs/fd-list.js';
import type { SeenFile } from './kind.js';

/** throwIfNoEntry covers ENOENT only; a link below a task that has just ended answers ESRCH (proc(5), map_files and fd). */
function statOf(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code;
    if (errno === 'ENOENT' || errno === 'ESRCH') return null;
    throw error;
  }
}

/** Null when the link is gone: the descriptor was closed, or the task ended. */
export function seeLink(proc: ProcReader, pid: number, name: string, fd: number | null): SeenFile | null {
  const link = fd === null ? proc.link(`${pid}/${name}`) : readFdLink(proc, pid, fd);
  const path = proc.path(`${pid}/${name}`);
  const stat = link === null ? null : statOf(path);
  return link === null || stat === null ? null : { pid, fd, link, stat, proc: path };
}

/** All descriptors of a process, ascending. One that is closed meanwhile is left out. */
export function seeFds(proc: ProcReader, pid: number): SeenFile[] {
  const out: SeenFile[] = [];
  for (const fd of readFdNumbers(proc, pid) ?? []) {
    const file = seeLink(proc, pid, `fd/${fd}`, fd);
    if (file) out.push(file);
  }
  return out;
}
