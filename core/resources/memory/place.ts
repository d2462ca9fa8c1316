/** Address ranges that are free in every task to be, and in a freshly executed seed: for the arena of the seeds, and for what is on its way. */
import { CrError } from '../../errors.js';
import type { Range } from './ranges.js';

/**
 * A new program has its text and heap low and its stack, vDSO and libraries near the top (arch_pick_mmap_layout); the kernel's randomisation moves
 * the upper part by less than 16 TiB. Between these borders there is nothing but what the images ask for.
 */
const LOWEST = 0x1000_0000_0000;
const HIGHEST = 0x6000_0000_0000;

/** First hole of `size` bytes. Throws CR_UNSUPPORTED when the tasks together use all addresses. */
export function findHole(used: readonly Range[], size: number): number {
  const sorted = [...used].sort((a, b) => a.start - b.start);
  let at = LOWEST;
  for (const range of sorted) {
    if (range.end <= at) continue;
    if (range.start >= at + size) break;
    at = range.end;
  }
  if (at + size > HIGHEST)
    throw new CrError('CR_UNSUPPORTED', {
      message: `no ${size} bytes of address space are free in all tasks`,
      hint: 'Restore the processes of this tree in smaller sets.',
      target: 'not started',
    });
  return at;
}
