/** stats-dump: times of a dump in microseconds and page counts (criu.md section 5). zdtm compares the counts with the size of the pages files. */
import { nowMs } from '../clock.js';
import { writeServiceImage } from '../images/writer.js';
import type { MemoryCounts } from '../resources/memory/dump.js';

const MICROS = 1000;

export class DumpClock {
  private freezeStart = 0;
  private frozenStart = 0;
  private end = 0;
  private memoryMs = 0;
  private counts: MemoryCounts = { pagesScanned: 0, pagesWritten: 0, sharedPagesScanned: 0, sharedPagesWritten: 0, writeMs: 0 };

  freezing(): void {
    this.freezeStart = nowMs();
  }
  frozen(): void {
    this.frozenStart = nowMs();
  }
  memory(ms: number, counts: MemoryCounts): void {
    this.memoryMs = ms;
    this.counts = counts;
  }
  finished(): void {
    this.end = nowMs();
  }

  get frozenMicros(): number {
    return this.end === 0 ? 0 : Math.round((this.end - this.frozenStart) * MICROS);
  }
  get entry() {
    return {
      dump: {
        freezing_time: Math.round((this.frozenStart - this.freezeStart) * MICROS),
        frozen_time: this.frozenMicros,
        memdump_time: Math.round(this.memoryMs * MICROS),
        memwrite_time: Math.round(this.counts.writeMs * MICROS),
        pages_scanned: BigInt(this.counts.pagesScanned),
        pages_skipped_parent: 0n,
        pages_written: BigInt(this.counts.pagesWritten),
        irmap_resolve: 0,
        pages_lazy: 0n,
        shpages_scanned: BigInt(this.counts.sharedPagesScanned),
        shpages_skipped_parent: 0n,
        shpages_written: BigInt(this.counts.sharedPagesWritten),
      },
    };
  }
}

export function writeStats(workDir: string, clock: DumpClock): void {
  writeServiceImage(workDir, 'stats-dump', clock.entry);
}
