/**
 * What stands in the way of a file on this host: the mount, the folder, or the mode that it has now. An open file lasts whatever becomes of these, but a
 * restore has to open it again. Kinds know their files; this is about where they lie.
 */
import { accessSync, constants, lstatSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { MountInfo } from '../../kernel/procfs/mountinfo.js';
import { encodeText } from '../../kernel/procfs/text.js';
import { fileType, S, type SeenFile } from './kind.js';
import { hasOption, isReadOnlyFs, type Mounts } from './mounts.js';
import { lookAt } from './names.js';
import { folderLeft, namingOf, stripped } from './naming.js';

const S_IWUSR = 0o200;
const MODE_BITS = 0o7777;
const ANY_EXECUTE = 0o111n;

/** A file that is made anew gets its old name by link(2). */
const WITHOUT_LINKS: readonly string[] = ['vfat', 'msdos', 'exfat'];

/** How a mapping uses its file; a descriptor tells by itself. */
export interface Use {
  /** Shared, and may write. */
  readonly writes: boolean;
  /** Mapped as code. */
  readonly runs: boolean;
}

export interface HostContext {
  readonly mounts: Mounts;
  readonly evasiveDevices: boolean;
  /** Id of the mount by which the file was opened; null when it is not known (mappings, folders). */
  mountId(file: SeenFile): number | null;
}

/**
 * Why this host would not let a file come back that is opened by path, and what to do; or null.
 * @param use null for a descriptor, cwd, root
 */
export function hostProblem(file: SeenFile, use: Use | null, context: HostContext): string | null {
  const { link, stat } = file;
  const name = stripped(link);
  const mount = context.mounts.of(name);
  if (use?.runs === true && mount && hasOption(mount, 'noexec')) return noexec(name, mount);
  if (stat.nlink !== 0n && name === link) return mount && writingProblem(file, use, name, mount);
  const { state } = namingOf(file, context.evasiveDevices);
  return state === 'ghost' || state === 'unlinked' ? namelessProblem(file, name, mount, context) : null;
}

/** Why a program could not become that of a process again (prctl(2), PR_SET_MM_MAP: EACCES), or null. */
export function programProblem({ link, stat }: SeenFile, mounts: Mounts): string | null {
  const name = stripped(link);
  if ((stat.mode & ANY_EXECUTE) === 0n)
    return `is ${name}, which nobody may execute any more (mode 0${(Number(stat.mode) & MODE_BITS).toString(8)}): chmod +x before the dump`;
  const mount = mounts.of(name);
  return stat.nlink !== 0n && mount && hasOption(mount, 'noexec') ? noexec(name, mount) : null;
}

function noexec(name: string, { mountPoint }: MountInfo): string {
  return `is ${name}, which runs, while the mount ${mountPoint} forbids it now (noexec): mount -o remount,bind,exec ${mountPoint}`;
}

/** Its name may lead to the same file by another mount than that by which it was opened (mount -o bind,ro over itself). */
function writingProblem(file: SeenFile, use: Use | null, name: string, mount: MountInfo): string | null {
  // What is no regular file may be written to wherever it lies.
  if (fileType(file.stat.mode) !== S.reg || (!hasOption(mount, 'ro') && !isReadOnlyFs(mount))) return null;
  const writes = use ? use.writes : file.fd !== null && isOpenForWriting(file);
  return writes
    ? `is ${name}, open for writing, while nobody may write on the mount ${mount.mountPoint} now (ro): mount it writable, or close the file`
    : null;
}

/** The permissions of its link in /proc are the access mode (fs/proc/fd.c, tid_fd_mode). */
function isOpenForWriting(file: SeenFile): boolean {
  return ((lstatSync(file.proc, { throwIfNoEntry: false })?.mode ?? 0) & S_IWUSR) !== 0;
}

/** A file without its name gets it again for a moment, or a temporary one beside it: in the folder where it was, or in one that is made there. */
function namelessProblem(file: SeenFile, name: string, mount: MountInfo | null, context: HostContext): string | null {
  const what = `is ${name}, whose name is gone, and it cannot have it again for a restore`;
  const folder = folderLeft(name);
  const strange = strangerOnTheWay(name, folder);
  if (strange !== null) return `${what}: ${strange} is no folder now; move that away, or close the file`;
  if (mount && isReadOnlyFs(mount))
    return `${what}: the file system on ${mount.mountPoint} is read-only now; close the file before the dump`;
  if (mount && WITHOUT_LINKS.includes(mount.fsType) && fileType(file.stat.mode) !== S.dir)
    return `${what}: the file system on ${mount.mountPoint} has no hard links (${mount.fsType}); close the file before the dump`;
  const opened = context.mountId(file);
  const by = opened === null ? null : context.mounts.byId(opened);
  if (opened !== null && by === null) return `${what}: what it was mounted by is unmounted (umount -l); close the file before the dump`;
  if (by && mount && (by.devMajor !== mount.devMajor || by.devMinor !== mount.devMinor))
    return `${what}: another file system is mounted over its folder (${mount.mountPoint}); unmount it, or close the file`;
  const denied = deniedIn(folder);
  return denied === null ? null : `${what}: nothing can be made in ${folder} (${denied}); allow it (chattr -i, chmod), or close the file`;
}

/** What stands where a folder was, or a link on the way to it: /proc shows names without links. */
function strangerOnTheWay(name: string, folder: string): string | null {
  let next = dirname(name);
  while (next !== folder && dirname(next) !== folder) next = dirname(next);
  if (next !== folder && lookAt(encodeText(next)) !== null) return next;
  return realpathSync(encodeText(folder), 'buffer').equals(encodeText(folder)) ? null : folder;
}

/** A mount that is read-only is no hindrance: names are made by a copy of it (writable-mounts.ts). */
function deniedIn(folder: string): string | null {
  try {
    accessSync(encodeText(folder), constants.W_OK);
    return null;
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return errno === 'EROFS' ? null : errno;
  }
}
