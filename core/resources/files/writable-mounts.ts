/**
 * Names on a mount that is read-only while its file system is not (mount -o bind,ro): a file that was deleted there before needs its name for a moment.
 * It is made by a copy of the mount that is in no namespace, so that nobody else sees it, and that may write (open_tree(2), mount_setattr(2)).
 */
import { closeSync } from 'node:fs';
import { errnoName } from '../../abi/errno.js';
import { CrError } from '../../errors.js';
import type { LocalCalls } from '../../kernel/local.js';
import type { ProcReader } from '../../kernel/procfs/reader.js';
import { encodeText } from '../../kernel/procfs/text.js';
import { Mounts } from './mounts.js';
import { O } from './open-flags.js';

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const W_OK = 2;
const OPEN_TREE_CLONE = 1;
const MOUNT_ATTR_RDONLY = 1;
/** RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS (openat2(2)). */
const RESOLVE_PLAIN = 0x02 | 0x04;
/** In the scratch memory, behind the longest path. */
const STRUCT_AT = 4200;

/** Opens a folder (O_PATH) without following any link. Returns the descriptor or the negative errno. */
export function openPlain(calls: LocalCalls, at: number, path: string): number {
  const text = calls.text(encodeText(path));
  const how = calls.scratch.as('open_how', STRUCT_AT).put({ flags: O.path | O.directory | O.cloexec, mode: 0, resolve: RESOLVE_PLAIN });
  return calls.call('openat2', at, text, how, how.size);
}

/** Whether the mount of an opened folder is read-only (access(2), EROFS). */
export function isReadOnly(calls: LocalCalls, folder: number): boolean {
  const result = calls.call('faccessat2', folder, calls.text(Buffer.alloc(0)), W_OK, AT_EMPTY_PATH);
  return result < 0 && errnoName(-result) === 'EROFS';
}

export class WritableMounts {
  private readonly mounts: Mounts;
  /** Copies by the id of the mount: one for all names on it, because links go from name to name of one mount only. */
  private readonly copies = new Map<number, number>();

  constructor(
    private readonly calls: LocalCalls,
    proc: ProcReader,
  ) {
    this.mounts = new Mounts(proc);
  }

  /** The folder by a mount that may write, for the caller to close. Throws CR_NO_PERMISSION, CR_KERNEL. */
  open(path: string): number {
    const mount = this.mounts.of(path);
    const point = mount?.mountPoint ?? '/';
    const id = mount?.id ?? 0;
    const copy = this.copies.get(id) ?? this.copy(id, point);
    const rest = path.slice(point === '/' ? 1 : point.length + 1);
    const fd = openPlain(this.calls, copy, rest === '' ? '.' : rest);
    if (fd >= 0) return fd;
    throw new CrError('CR_KERNEL', {
      message: 'cannot be opened by a copy of its mount',
      subject: { path },
      kernel: { call: `openat2(copy of ${point}, "${rest}")`, errno: errnoName(-fd) },
      target: 'not started',
    });
  }

  private copy(id: number, point: string): number {
    const { calls } = this;
    const reason = {
      why: `make a file that was deleted on the read-only mount ${point}: its mount cannot be copied`,
      subject: { path: point },
      hint: 'It needs CAP_SYS_ADMIN; or mount it writable for the restore (mount -o remount,bind,rw).',
      target: 'not started',
    } as const;
    const fd = calls.must(reason, 'open_tree', AT_FDCWD, calls.text(encodeText(point)), OPEN_TREE_CLONE | O.cloexec);
    try {
      const attr = calls.scratch
        .as('mount_attr', STRUCT_AT)
        .put({ attr_set: 0, attr_clr: MOUNT_ATTR_RDONLY, propagation: 0, userns_fd: 0 });
      calls.must(reason, 'mount_setattr', fd, calls.text(Buffer.alloc(0)), AT_EMPTY_PATH, attr, attr.size);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.copies.set(id, fd);
    return fd;
  }

  /** The copies are gone with their descriptors. */
  close(): void {
    for (const fd of this.copies.values()) closeSync(fd);
    this.copies.clear();
  }
}
