import { arch } from '../../arch/current.js';

/** O_* (open(2), fcntl(2)) and which of them can be given when (kernel-tasks.md 9.2). */
export const O = {
  accmode: 0o3,
  rdonly: 0,
  wronly: 0o1,
  rdwr: 0o2,
  creat: 0o100,
  excl: 0o200,
  noctty: 0o400,
  trunc: 0o1000,
  append: 0o2000,
  nonblock: 0o4000,
  async: 0o20000,
  direct: arch.openFlags.direct,
  largefile: arch.openFlags.largefile,
  directory: arch.openFlags.directory,
  nofollow: arch.openFlags.nofollow,
  noatime: 0o1000000,
  cloexec: 0o2000000,
  path: 0o10000000,
  tmpfile: 0o20000000,
} as const;

export const FD_CLOEXEC = 1;

export const F = {
  dupfd: 0,
  setfd: 2,
  getfl: 3,
  setfl: 4,
  setsig: 10,
  getsig: 11,
  setownEx: 15,
  getownEx: 16,
  getownerUids: 17,
  setlease: 1024,
  dupfdCloexec: 1030,
  setPipeSize: 1031,
  getPipeSize: 1032,
  addSeals: 1033,
  getSeals: 1034,
} as const;

/** What F_SETFL changes, without O_ASYNC: that one is set when the owner is known. */
export const SETTABLE = O.append | O.nonblock | O.direct | O.noatime;

/** Flags of a description as fdinfo shows them, without the one that belongs to the descriptor. */
export function descriptionFlags(shown: number): number {
  return shown & ~O.cloexec;
}

/**
 * Flags for opening again. O_ASYNC needs its owner first; O_TMPFILE would make a new file (the old one comes back under a temporary name);
 * O_NOCTTY because no terminal may become the controlling one by chance. O_CREAT, O_EXCL, O_TRUNC never come from the kernel, but images can lie.
 */
export function reopenFlags(flags: number): number {
  const unnamed = (flags & O.tmpfile) !== 0 ? O.tmpfile | O.directory : 0;
  return (flags & ~(unnamed | O.async | O.cloexec | O.creat | O.excl | O.trunc)) | O.noctty;
}
