/** Where a file or memory object has data: SEEK_DATA and SEEK_HOLE (lseek(2)), in batches. */
import type { KernelThread } from '../../kernel/kernel-thread.js';
import type { Call } from '../../program/program.js';
import type { Range } from './ranges.js';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const PAIRS = 64;
const PAGE = 4096;

/** Page-aligned data ranges of descriptor `fd`, ascending, up to `size`. Moves the descriptor's position: give it a description of its own. */
export function dataRanges(thread: KernelThread, fd: number, size: number): Range[] {
  const out: Range[] = [];
  let at = 0;
  while (at < size) {
    const { value, free } = thread.here('sparse.seek', 16384, (p) => {
      const pairs: { data: Call; hole: Call }[] = [];
      let from: Call | number = at;
      for (let i = 0; i < PAIRS; i++) {
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
