/**
 * Many small files of one folder, read by programs: to open, read and close each from JavaScript takes several times as long, and a tree of hundreds has one
 * or more for each thread.
 */
import { constants } from 'node:fs';
import type { KernelThread } from './kernel-thread.js';

/** With fewer files it is not worth a program. */
export const LEAST_MANY = 32;
/** Files of a program: bounds our memory. */
const BATCH = 256;
/** Bytes. A file that has as many or more is left out. */
const SLOT = 4096;
/** Of arena for each file: its content, its name (NAME_MAX), three cells. */
const ROOM = SLOT + 512;
const O_CLOEXEC = 0o2000000;
/** O_NONBLOCK: a FIFO that takes the place of a file must not hang us. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC;

/**
 * @param folder descriptor
 * @param take called for each file that was read whole by one read(2), with its index and its content, which is only there until it returns. Files that cannot
 *   be read, are empty or larger are left out: whoever needs them opens them, and is told why
 */
export function readMany(
  thread: KernelThread,
  folder: number,
  names: readonly string[],
  take: (index: number, bytes: Uint8Array) => void,
): void {
  for (let first = 0; first < names.length; first += BATCH) {
    const batch = names.slice(first, first + BATCH);
    const { value, free } = thread.here('files.many', 4096 + batch.length * ROOM, (p) =>
      batch.map((name) => {
        const bytes = p.out(SLOT);
        const fd = p.sys.openat(folder, p.cstr(name), FLAGS, 0).ignore('whoever needs the file opens it again');
        const got = p.sys.read(fd, bytes, SLOT).ignore('whoever needs the file reads it again');
        p.sys.close(fd).ignore('it was not opened');
        return { bytes, got };
      }),
    );
    try {
      value.forEach(({ bytes, got: { result } }, i) => {
        if (result > 0 && result < SLOT) take(first + i, bytes.bytes(result));
      });
    } finally {
      free();
    }
  }
}
