/** exe, cwd, root and descriptors: link text, the file behind it, and whether that file still has the name. */
import { type FileId, type ProcReader, taskDir } from './reader.js';

export interface LinkTarget {
  /** Text of the link, seen from the reader's root. */
  readonly text: string;
  /** Text without a ` (deleted)` at its end. Both can be the name of a real file. */
  readonly path: string;
  readonly deletedSuffix: boolean;
  /** The file is not below the reader's root (or in no mount that the reader sees): the text starts with `(unreachable)`. */
  readonly unreachable: boolean;
  /** The file itself, found through the link and not through the path. */
  readonly file: FileId;
}

const DELETED = ' (deleted)';

/** Takes a link text apart. */
export function parseLink(text: string, file: FileId): LinkTarget {
  const deletedSuffix = text.endsWith(DELETED);
  const path = deletedSuffix ? text.slice(0, -DELETED.length) : text;
  return { text, path, deletedSuffix, unreachable: text.startsWith('(unreachable)'), file };
}

/** Same inode of the same file system. */
export function sameFile(a: FileId, b: FileId): boolean {
  return a.inode === b.inode && a.devMajor === b.devMajor && a.devMinor === b.devMinor;
}

/**
 * Whether the name is gone. `atText` is what the full `text`, suffix included, leads to now in the task's mount namespace and root: a file may
 * be called `x (deleted)`. With hard links the name can be gone while link count is not 0.
 */
export function isDeleted(link: LinkTarget, atText: FileId | null): boolean {
  if (link.file.nlink === 0n) return true;
  return link.deletedSuffix && (atText === null || !sameFile(link.file, atText));
}

function readTarget(reader: ProcReader, relative: string): LinkTarget | null {
  const text = reader.link(relative);
  const file = text === null ? null : reader.stat(relative);
  return text === null || file === null ? null : parseLink(text, file);
}

/** Null when the task is gone, and for `exe` of kernel threads and zombies. Throws as ProcReader.link() does. */
export function readTaskLink(reader: ProcReader, pid: number, which: 'exe' | 'cwd' | 'root', tid?: number): LinkTarget | null {
  return readTarget(reader, `${taskDir(pid, tid)}/${which}`);
}

/** Link and file of a descriptor. Null when it was closed or the task is gone. */
export function readFdTarget(reader: ProcReader, pid: number, fd: number, tid?: number): LinkTarget | null {
  return readTarget(reader, `${taskDir(pid, tid)}/fd/${fd}`);
}

/**
 * Link and file behind a mapping (start and end as in maps). Unlike the name in maps this text is not escaped. Opening needs
 * CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN. Null when that mapping is gone or has no file.
 */
export function readMapTarget(reader: ProcReader, pid: number, start: number, end: number): LinkTarget | null {
  return readTarget(reader, `${taskDir(pid)}/map_files/${start.toString(16)}-${end.toString(16)}`);
}
