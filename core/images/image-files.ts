/** Files of a folder of images: made, written and removed; every failure is a CR_IMAGE_WRITE that names path, call and errno. */
import { closeSync, constants, fstatSync, openSync, readdirSync, unlinkSync, writeSync } from 'node:fs';
import { CrError } from '../errors.js';

export const IMAGE_MODE = 0o644;

/** What makes the path of a file in a folder when its name is put behind. (join() looks at every character again for each of thousands of files.) */
export function folderPrefix(dir: string): string {
  return dir.endsWith('/') ? dir : `${dir}/`;
}

/** Runs one file operation; a failure becomes CR_IMAGE_WRITE with path, call and errno. */
export function attempt<T>(call: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new CrError('CR_IMAGE_WRITE', {
      message: `${call} failed with ${errno}`,
      subject: { path },
      kernel: { call: `${call}("${path}")`, errno },
      cause: error,
    });
  }
}

export function remove(path: string): void {
  attempt('unlink', path, () => {
    try {
      unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  });
}

/** Creates `path`. What an earlier dump left there goes away: O_EXCL proves that we write neither through a link nor into a file in use. */
export function create(path: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const open = () => openSync(path, flags, IMAGE_MODE);
  const fd = attempt('open', path, () => {
    try {
      return open();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return null;
    }
  });
  if (fd !== null) return fd;
  remove(path);
  return attempt('open', path, open);
}

/** Opens an empty file that was made for us; null when it is not there (yet), or is not what it should be. */
export function openMade(path: string): number | null {
  try {
    const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.size === 0 && stat.nlink === 1) return fd;
    closeSync(fd);
  } catch {
    // The usual way tells what is wrong.
  }
  return null;
}

/** Names in a folder. */
export function namesIn(dir: string): Set<string> {
  return new Set(attempt('readdir', dir, () => readdirSync(dir)));
}

export function writeAt(fd: number, path: string, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length;) {
    done += attempt('pwrite', path, () => writeSync(fd, bytes, done, bytes.length - done, offset + done));
  }
}

export function writeFile(path: string, bytes: Uint8Array): void {
  const fd = create(path);
  try {
    writeAt(fd, path, bytes, 0);
  } finally {
    closeSync(fd);
  }
}
