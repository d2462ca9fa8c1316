/** Where a file or memory object has data: SEEK_DATA and SEEK_HOLE (lseek(2)), in batches. */
import { fstatSync, readSync, statfsSync } from 'node:fs';
import type { KernelThread } from '../../kernel/kernel-thread.js';
import type { Call } from '../../program/call.js';
import type { Range } from './ranges.js';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const MAX_PAIRS = 64;
const PAGE = 4096;
const HUGETLBFS_MAGIC = 0x958458f6;
const BLOCK = 512;
/** A huge page is looked at in parts of this size. */
const PART = 2 << 20;

/** Page-aligned data ranges of descriptor `fd`, ascending, up to `size`. Moves the descriptor's position: give it a description of its own. */
export function dataRanges(thread: KernelThread, fd: number, size: number): Range[] {
  const huge = hugePageOf(fd);
  if (huge !== null) return hugeRanges(fd, size, huge);
  const out: Range[] = [];
  let at = 0;
  while (at < size) {
    // Between two ranges is a page at least.
    const count = Math.min(MAX_PAIRS, Math.ceil((size - at) / PAGE / 2) + 1);
    const { value, free } = thread.here('sparse.seek', 16384, (p) => {
      const pairs: { data: Call; hole: Call }[] = [];
      let from: Call | number = at;
      for (let i = 0; i < count; i++) {
        // After the last data SEEK_DATA gives ENXIO; what follows then fails too and is not looked at.
        const data: Call = p.sys.lseek(fd, from, SEEK_DATA).ignore('the end is told by the error');
        const hole: Call = p.sys.lseek(fd, data, SEEK_HOLE).ignore('the end is told by the error');
        pairs.push({ data, hole });
        from = hole;
      }
      return pairs;
    });
    let ended = false;
    for (const { data, hole } of value) {
      if (data.result < 0 || hole.result < 0) {
        ended = true;
        break;
      }
      out.push({ start: Math.floor(data.result / PAGE) * PAGE, end: Math.min(Math.ceil(hole.result / PAGE) * PAGE, size) });
      at = hole.result;
    }
    free();
    if (ended) break;
  }
  return out;
}

/** Size of the pages of a file on hugetlbfs; null elsewhere. Its files tell that size as their block size, so the file system is asked only about such. */
function hugePageOf(fd: number): number | null {
  if (fstatSync(fd).blksize <= PAGE) return null;
  const fs = statfsSync(`/proc/self/fd/${fd}`);
  return fs.type === HUGETLBFS_MAGIC ? fs.bsize : null;
}

/**
 * hugetlbfs has no SEEK_HOLE. How many pages there are is known; which, only their content tells: a page of zeros is as good as none. Reading a hole
 * gives zeros and takes no page.
 */
function hugeRanges(fd: number, size: number, page: number): Range[] {
  let left = (fstatSync(fd).blocks * BLOCK) / page;
  if (left * page >= size) return size === 0 ? [] : [{ start: 0, end: size }];
  const buffer = Buffer.alloc(Math.min(page, PART));
  const zeros = Buffer.alloc(buffer.length);
  const out: Range[] = [];
  for (let at = 0; at < size && left > 0; at += page) {
    if (isEmpty(fd, at, page, buffer, zeros)) continue;
    out.push({ start: at, end: at + page });
    left--;
  }
  return out;
}

function isEmpty(fd: number, at: number, page: number, buffer: Buffer, zeros: Buffer): boolean {
  for (let offset = 0; offset < page; offset += buffer.length) {
    readSync(fd, buffer, 0, buffer.length, at + offset);
    if (!buffer.equals(zeros)) return false;
  }
  return true;
}
