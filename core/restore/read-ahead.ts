/** Small image files, read together before anybody asks for them. */
import { closeSync, constants, openSync, readdirSync } from 'node:fs';
import type { KernelThread } from '../kernel/kernel-thread.js';
import { LEAST_MANY, readMany } from '../kernel/read-many.js';

/** Bounds our memory (4 KiB for each): what is more is read when it is asked for. */
const MOST = 65_536;

/** Contents of regular files by name. What cannot be read is left out: whoever needs it is told why. */
export function readAhead(thread: KernelThread, dir: string): Map<string, Buffer> {
  const contents = new Map<string, Buffer>();
  const names = imagesIn(dir).slice(0, MOST);
  if (names.length < LEAST_MANY) return contents;
  const folder = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    readMany(thread, folder, names, (i, bytes) => contents.set(names[i]!, Buffer.from(bytes)));
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
