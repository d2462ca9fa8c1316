/** /proc/PID/ns: which namespaces a task is in (namespaces(7)). */
import { CrError } from '../../errors.js';
import { type ProcReader, taskDir } from './reader.js';

export const NS_KINDS = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'pid_for_children', 'time', 'time_for_children', 'user', 'uts'] as const;
export type NsKind = (typeof NS_KINDS)[number];

/** Inode numbers on nsfs: equal number, same namespace. A kind that the kernel lacks is missing. */
export type Namespaces = Readonly<Partial<Record<NsKind, number>>>;

/** Number of a link text such as `pid:[4026531836]`. Throws CR_KERNEL. */
export function parseNsLink(text: string, path: string): number {
  const found = /^[a-z_]+:\[([0-9]{1,10})\]$/.exec(text);
  if (found === null) throw new CrError('CR_KERNEL', { message: `"${text}" is not the name of a namespace`, subject: { path } });
  return Number(found[1]);
}

/** One namespace. Null when the task is gone, the kernel lacks the kind, or `pid_for_children` has no first process yet. */
export function readNamespace(reader: ProcReader, kind: NsKind, pid: number, tid?: number): number | null {
  const relative = `${taskDir(pid, tid)}/ns/${kind}`;
  const text = reader.link(relative);
  return text === null ? null : parseNsLink(text, reader.path(relative));
}

/** All namespaces. Null when the task is gone; a zombie keeps only `pid` and `user`. */
export function readNamespaces(reader: ProcReader, pid: number, tid?: number): Namespaces | null {
  const out: Partial<Record<NsKind, number>> = {};
  for (const kind of NS_KINDS) {
    const inode = readNamespace(reader, kind, pid, tid);
    if (inode !== null) out[kind] = inode;
  }
  return out.user === undefined && out.pid === undefined ? null : out;
}
