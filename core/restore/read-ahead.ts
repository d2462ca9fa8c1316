/**
 * Small image files, read by programs: a tree of hundreds has one or more for each thread and process, and to open, stat, read and close each from JavaScript
 * takes longer than to decode it.
 */
import { closeSync, constants, openSync, readdirSync } from 'node:fs';
import type { KernelThread } from '../kernel/kernel-thread.js';

/** With fewer files it is not worth a program. */
const LEAST = 32;
/** Files of a program: bounds our memory. */
const BATCH = 256;
/** Bytes. A file that has as many or more is read by whoever needs it. */
const SLOT = 4096;
/** Of arena for each file: its content, its name (NAME_MAX), three cells. */
const ROOM = SLOT + 512;
const O_CLOEXEC = 0o2000000;
/** O_NONBLOCK: a FIFO that takes the place of an image must not hang us. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC;

/** Contents of regular files by name. What cannot be read is left out: whoever needs it is told why. */
export function readAhead(thread: KernelThread, dir: string): Map<string, Buffer> {
  const contents = new Map<string, Buffer>();
  const names = imagesIn(dir);
  if (names.length < LEAST) return contents;
  const folder = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (let i = 0; i < names.length; i += BATCH) readBatch(thread, folder, names.slice(i, i + BATCH), contents);
  } finally {
    closeSync(folder);
  }
  return contents;
}

/** Those that may be small. Nothing when the folder cannot be read: the first image that is asked for tells. */
function imagesIn(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
      entry.isFile() && entry.name.endsWith('.img') && !entry.name.startsWith('pages-') ? [entry.name] : [],
    );
  } catch {
    return [];
  }
}

function readBatch(thread: KernelThread, folder: number, names: readonly string[], into: Map<string, Buffer>): void {
  const { value, free } = thread.here('images.ahead', 4096 + names.length * ROOM, (p) =>
    names.map((name) => {
      const bytes = p.out(SLOT);
      const fd = p.sys.openat(folder, p.cstr(name), FLAGS, 0).ignore('whoever needs the image opens it again');
      const got = p.sys.read(fd, bytes, SLOT).ignore('whoever needs the image reads it again');
      p.sys.close(fd).ignore('it was not opened');
      return { name, bytes, got };
    }),
  );
  for (const { name, bytes, got } of value) {
    const { result } = got;
    if (result > 0 && result < SLOT) into.set(name, bytes.copy(0, result));
  }
  free();
}
