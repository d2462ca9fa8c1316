/** Room in a file for page data that is about to come. */
import { statfsSync } from 'node:fs';
import type { KernelThread } from '../../kernel/kernel-thread.js';

/** Less is written before the call would have paid. */
const RESERVE_FROM = 8 << 20;
/** TMPFS_MAGIC, linux/magic.h. */
const TMPFS = 0x01021994;

/**
 * Makes the file system find the blocks at once (fallocate(2)): else it looks for room at every page that it is given (ext4: 1 GiB 0.67 s, reserved
 * 0.35 s). Where files are memory, pages would be looked for twice.
 * @param folder where the file is
 */
export function reserve(thread: KernelThread, folder: string, fd: number, offset: number, bytes: number): void {
  if (bytes < RESERVE_FROM || statfsSync(folder).type === TMPFS) return;
  thread
    .here('memory.reserve', 4096, (p) =>
      p.sys.fallocate(fd, 0, offset, bytes).ignore('a file system may not have the call, and a full one is told by what is written'),
    )
    .free();
}
