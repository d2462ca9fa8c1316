/**
 * Access to /proc with one buffer that is used again and again. All calls are synchronous: between freeze and thaw nothing may be left to the
 * event loop, and a /proc read costs less than a trip through libuv's pool. Text is as fresh as the moment of the read; only what belongs to a
 * frozen task stays true.
 */
import { closeSync, constants, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs';
import { CrError, type ErrorSubject } from '../../errors.js';
import { decodeText } from './text.js';

/** What a file held. `bytes` is a view of the reader's buffer: it is overwritten by the next read. */
export interface ProcText {
  readonly bytes: Uint8Array;
  readonly path: string;
}

/** What identifies a file, and what of stat(2) tells whether it still has a name. */
export interface FileId {
  readonly devMajor: number;
  readonly devMinor: number;
  readonly inode: bigint;
  /** Type and permissions (inode(7)). */
  readonly mode: number;
  readonly nlink: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Device that the file is, for device files. */
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

const FIRST_BUFFER_BYTES = 64 * 1024;

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Both mean that the task is gone: ENOENT if it was away before the open, ESRCH if it went between open and read (proc(5)). */
export function isGone(errno: string | undefined): boolean {
  return errno === 'ENOENT' || errno === 'ESRCH';
}

/** Major and minor of a device number as the C library packs it (gnu_dev_major(3), bits/sysmacros.h). */
export function splitDev(dev: bigint): { major: number; minor: number } {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xffff_f000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffff_ff00n);
  return { major: Number(major), minor: Number(minor) };
}

function kernelError(call: string, path: string, error: unknown): CrError {
  const errno = errnoOf(error) ?? 'unknown error';
  const denied = errno === 'EACCES' || errno === 'EPERM';
  const subject: ErrorSubject = { path };
  const message = `${call} failed with ${errno}`;
  return new CrError(denied ? 'CR_NO_PERMISSION' : 'CR_KERNEL', {
    message,
    subject,
    kernel: { call: `${call}("${path}")`, errno },
    cause: error,
  });
}

/** Directory of a task relative to /proc. Give `tid` for a thread: what the leader shows is not true for all of them, and a dead leader shows nothing. */
export function taskDir(pid: number, tid?: number): string {
  return tid === undefined ? `${pid}` : `${pid}/task/${tid}`;
}

export class ProcReader {
  private buffer: Buffer;
  private readonly facts = new Map<string, unknown>();

  /** `root` is where procfs is mounted; tests give a folder. */
  constructor(
    readonly root = '/proc',
    bufferBytes = FIRST_BUFFER_BYTES,
  ) {
    this.buffer = Buffer.allocUnsafe(Math.max(bufferBytes, 4096));
  }

  /** What `read` gives, asked once: facts of the host or of ourselves that each process of a tree is compared with. */
  fact<T>(name: string, read: () => T): T {
    if (!this.facts.has(name)) this.facts.set(name, read());
    return this.facts.get(name) as T;
  }

  path(relative: string): string {
    return `${this.root}/${relative}`;
  }

  /**
   * The whole file. Null when the task (or the file) does not exist any more.
   * Throws CR_NO_PERMISSION or CR_KERNEL with path and errno, and CR_KERNEL when there are more than `limit` bytes.
   * @param single the kernel shows it in one piece (single_open()): what one read gives into a larger buffer is all
   */
  read(relative: string, limit: number, single = false): ProcText | null {
    const path = this.path(relative);
    let fd = -1;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      const length = this.fill(fd, path, limit, single);
      return { bytes: this.buffer.subarray(0, length), path };
    } catch (error) {
      if (error instanceof CrError) throw error;
      if (isGone(errnoOf(error))) return null;
      throw kernelError(fd < 0 ? 'open' : 'read', path, error);
    } finally {
      if (fd >= 0) closeSync(fd);
    }
  }

  /** procfs has no file sizes: read until 0 comes, also when a read was short (seq_file gives about a page at a time), but for what is one piece. */
  private fill(fd: number, path: string, limit: number, single: boolean): number {
    for (let length = 0; ;) {
      if (length === this.buffer.length) this.grow();
      const got = readSync(fd, this.buffer, length, this.buffer.length - length, null);
      if (got === 0) return length;
      length += got;
      if (length > limit) throw new CrError('CR_KERNEL', { message: `more than ${limit} bytes`, subject: { path } });
      if (single && length < this.buffer.length) return length;
    }
  }

  private grow(): void {
    const larger = Buffer.allocUnsafe(this.buffer.length * 2);
    this.buffer.copy(larger);
    this.buffer = larger;
  }

  /** Text of a symbolic link (see text.ts for names that are not UTF-8). Null when it or the task is gone. Throws as read() does. */
  link(relative: string): string | null {
    const path = this.path(relative);
    try {
      return decodeText(readlinkSync(path, 'buffer'));
    } catch (error) {
      if (isGone(errnoOf(error)) || (errnoOf(error) === 'EACCES' && this.taskIsGone(relative))) return null;
      throw kernelError('readlink', path, error);
    }
  }

  /** Links of a task that ended between lookup and readlink fail with EACCES, not ESRCH (proc_ns_readlink, fs/proc/namespaces.c). */
  private taskIsGone(relative: string): boolean {
    const [pid = ''] = relative.split('/');
    return statSync(this.path(pid), { throwIfNoEntry: false }) === undefined;
  }

  /** Names in a folder, in no order. Null when the task is gone. Throws as read() does. */
  names(relative: string): string[] | null {
    const path = this.path(relative);
    try {
      return readdirSync(path);
    } catch (error) {
      if (isGone(errnoOf(error))) return null;
      throw kernelError('readdir', path, error);
    }
  }

  /** The file behind a link of /proc, followed by the kernel and not by path. Null when it is gone. Throws as read() does. */
  stat(relative: string): FileId | null {
    const path = this.path(relative);
    try {
      const { dev, ino, mode, nlink, size, rdev } = statSync(path, { bigint: true });
      const [on, is] = [splitDev(dev), splitDev(rdev)];
      const device = { devMajor: on.major, devMinor: on.minor, rdevMajor: is.major, rdevMinor: is.minor };
      return { ...device, inode: ino, mode: Number(mode), nlink, size };
    } catch (error) {
      if (isGone(errnoOf(error))) return null;
      throw kernelError('stat', path, error);
    }
  }
}
