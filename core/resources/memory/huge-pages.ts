/** Huge pages of hugetlb (Documentation/admin-guide/mm/hugetlbpage.rst): of a pool that the administrator sizes. */
import { readFileSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { PageMap } from './page-map.js';
import { MAP } from './vma-bits.js';

const FOLDER = '/sys/kernel/mm/hugepages';
/** Used when the flags name no size. */
const DEFAULT_SIZE = 2 << 20;

/** Bytes of a huge page by the flags of mmap(2) or memfd_create(2), which have the size in the same place. */
export function hugePages(flags: number): number {
  const shift = (flags >>> MAP.hugeShift) & 0x3f;
  return shift === 0 ? DEFAULT_SIZE : 2 ** shift;
}

/** Pages of that size that nobody uses or has reserved. Throws when the kernel has none of the size. */
function freePages(size: number): number {
  const read = (name: string): number => Number(readFileSync(`${FOLDER}/hugepages-${size / 1024}kB/${name}`, 'utf8'));
  return read('free_hugepages') - read('resv_hugepages');
}

/** The error for shared memory that could not be made or filled, and is gone again: that the pool is empty, if it is that, and else the cause. */
export function lackOfHugePages(what: string, flags: number, map: PageMap, cause: unknown): unknown {
  if (flags === 0) return cause;
  const size = hugePages(flags);
  const needed = countOf(map, size);
  try {
    if (freePages(size) >= needed) return cause;
  } catch {
    return cause;
  }
  return new CrError('CR_RESTORE', {
    message: `${what} needs ${needed} huge pages of ${size / 1024} kB, and not as many were free`,
    hint: `Raise ${FOLDER}/hugepages-${size / 1024}kB/nr_hugepages.`,
    target: 'not started',
    cause,
  });
}

/** Runs ascend, so a page that two of them share is the last of one and the first of the other. */
function countOf({ runs }: PageMap, size: number): number {
  let count = 0;
  let next = 0;
  for (const { start, end } of runs) {
    const first = Math.max(next, Math.floor(start / size));
    next = Math.max(next, Math.ceil(end / size));
    count += next - first;
  }
  return count;
}
