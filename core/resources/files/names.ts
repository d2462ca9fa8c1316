/**
 * Creating and removing names, where an image says which: parents are opened without following any link (a name from /proc is canonical), the last
 * component is never followed, and what is removed is first compared with what was made.
 */
import { type BigIntStats, closeSync, linkSync, lstatSync, mkdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { errnoName } from '../../abi/errno.js';
import { CrError } from '../../errors.js';
import type { LocalCalls } from '../../kernel/local.js';
import type { ProcReader } from '../../kernel/procfs/reader.js';
import { encodeText } from '../../kernel/procfs/text.js';
import { isReadOnly, openPlain, WritableMounts } from './writable-mounts.js';

const AT_FDCWD = -100;
const PATH_MAX = 4096;

/** A name in an opened folder: `path` stays right whatever is renamed above it. */
export interface Place {
  /** Descriptors of ours. */
  readonly folders: readonly number[];
  /** Where the name can be made and removed. */
  readonly path: Buffer;
  /** The same name, to be opened by: it leads there by the mount that everybody has. */
  readonly shown: Buffer;
  /** The name as the image has it, for messages. */
  readonly name: string;
}

/** What a name leads to, the last component not followed. Null when there is nothing. */
export function lookAt(path: string | Buffer): BigIntStats | null {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
}

export function sameInode(a: { dev: bigint; ino: bigint }, b: { dev: bigint; ino: bigint } | null): boolean {
  return b !== null && a.dev === b.dev && a.ino === b.ino;
}

/** Throws CR_IMAGE_BAD for anything that is not an absolute path without `.` and `..`. */
export function checkName(name: string): void {
  const parts = name.split('/');
  const odd = parts.slice(1).some((part, i) => part === '.' || part === '..' || (part === '' && !(i === 0 && parts.length === 2)));
  if (!name.startsWith('/') || odd || name.includes('\0') || encodeText(name).length >= PATH_MAX)
    throw new CrError('CR_IMAGE_BAD', {
      message: `"${name}" is not a plain absolute path`,
      subject: { path: 'files.img' },
      target: 'not started',
    });
}

/** Temporary names of one dump or restore. */
export class Names {
  private readonly folders: { readonly path: string; readonly stat: BigIntStats }[] = [];
  private readonly writable: WritableMounts;

  constructor(
    private readonly calls: LocalCalls,
    proc: ProcReader,
  ) {
    this.writable = new WritableMounts(calls, proc);
  }

  /** Opens the folder of `name`, making folders that are missing (removed again by `clean`). The caller closes it with `done`. */
  place(name: string): Place {
    checkName(name);
    const cut = name.lastIndexOf('/');
    const path = cut === 0 ? '/' : name.slice(0, cut);
    const shown = this.openFolder(path);
    const folder = isReadOnly(this.calls, shown) ? this.openWritable(path, shown) : shown;
    const base = encodeText(name.slice(cut + 1));
    const at = (fd: number) => Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), base]);
    return { folders: [...new Set([shown, folder])], path: at(folder), shown: at(shown), name };
  }

  private openWritable(path: string, shown: number): number {
    try {
      return this.writable.open(path);
    } catch (error) {
      closeSync(shown);
      throw error;
    }
  }

  done(place: Place): void {
    for (const fd of place.folders) closeSync(fd);
  }

  private openFolder(path: string): number {
    const result = this.tryOpen(path);
    if (result >= 0) return result;
    if (errnoName(-result) !== 'ENOENT' || path === '/')
      throw new CrError('CR_FILE_CHANGED', {
        message: 'the folder of a file that has to be made cannot be opened',
        subject: { path },
        kernel: { call: `openat2("${path}", RESOLVE_NO_SYMLINKS)`, errno: errnoName(-result) },
        hint: 'It must be a folder, and no part of the path may be a symbolic link.',
        target: 'not started',
      });
    const parent = this.place(path);
    try {
      mkdirSync(parent.path, 0o700);
      this.folders.push({ path, stat: lookAt(parent.path)! });
    } finally {
      this.done(parent);
    }
    return this.openFolder(path);
  }

  private tryOpen(path: string): number {
    return openPlain(this.calls, AT_FDCWD, path);
  }

  /** A second name for a file; false when the name is taken. Throws CR_KERNEL, CR_NO_PERMISSION. */
  link(from: Buffer, to: Place): boolean {
    try {
      linkSync(from, to.path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw nameError('link', to.name, error);
    }
  }

  /** Removes the name if it still is that file. */
  remove(place: Place, stat: { dev: bigint; ino: bigint }): void {
    removeSame(place.path, stat);
  }

  /** Removes folders that were made, if they are empty. */
  clean(): void {
    try {
      for (const { path, stat } of this.folders.splice(0).reverse()) this.removeFolder(path, stat);
    } finally {
      this.writable.close();
    }
  }

  private removeFolder(path: string, stat: BigIntStats): void {
    if (!sameInode(stat, lookAt(encodeText(path)))) return;
    const place = this.place(path);
    try {
      rmdirSync(place.path);
    } catch (error) {
      // Somebody put a file there meanwhile: now it is his.
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw nameError('rmdir', path, error);
    } finally {
      this.done(place);
    }
  }
}

/** Removes a name if it still is that file or empty folder. */
export function removeSame(path: Buffer, stat: { dev: bigint; ino: bigint }): void {
  const now = lookAt(path);
  if (now === null || !sameInode(stat, now)) return;
  if (now.isDirectory()) rmdirSync(path);
  else unlinkSync(path);
}

export function nameError(call: string, name: string, error: unknown): CrError {
  const errno = (error as NodeJS.ErrnoException).code ?? 'unknown';
  return new CrError(errno === 'EPERM' || errno === 'EACCES' ? 'CR_NO_PERMISSION' : 'CR_KERNEL', {
    message: `${call} failed with ${errno}`,
    subject: { path: name },
    kernel: { call: `${call}("${name}")`, errno },
    cause: error,
  });
}
