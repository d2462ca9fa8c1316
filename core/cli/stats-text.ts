/** --display-stats: the statistics that the run just wrote, in the wording that users of CRIU's option parse. */
import { ImageReader } from '../images/reader.js';
import { writeAll } from '../log.js';
import type { StatsEntry } from '../images/generated/stats.js';
import type { Settings } from '../config/settings.js';

const micros = (name: string, value: number | undefined): string => `${name}: ${value ?? 0} us`;
const count = (name: string, value: bigint | undefined): string => `${name}: ${value ?? 0n} (0x${(value ?? 0n).toString(16)})`;

/** The lines for one record of statistics. */
export function statsText({ dump, restore }: StatsEntry): string {
  const lines: string[] = [];
  if (dump !== undefined) {
    lines.push('Displaying dump stats:', micros('Freezing time', dump.freezing_time), micros('Frozen time', dump.frozen_time));
    lines.push(micros('Memory dump time', dump.memdump_time), micros('Memory write time', dump.memwrite_time));
    lines.push(count('Memory pages scanned', dump.pages_scanned));
    lines.push(count('Memory pages skipped from parent', dump.pages_skipped_parent), count('Memory pages written', dump.pages_written));
  }
  if (restore !== undefined) {
    lines.push('Displaying restore stats:', count('Pages compared', restore.pages_compared));
    lines.push(count('Pages skipped COW', restore.pages_skipped_cow), count('Pages restored', restore.pages_restored));
    lines.push(micros('Restore time', restore.restore_time), micros('Forking time', restore.forking_time));
  }
  return `${lines.join('\n')}\n`;
}

/** Reads the statistics back from the work folder and prints them. @throws CrError CR_IMAGE_* when they cannot be read */
export function printStats(kind: 'stats-dump' | 'stats-restore', { engine }: Settings): void {
  writeAll(1, statsText(new ImageReader(engine.workDir ?? engine.imagesDir ?? '.').readOne(kind)));
}
