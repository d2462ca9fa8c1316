/** stats-restore: what CRIU's has, measured at the same places. */
import { nowMs } from '../clock.js';
import { writeServiceImage } from '../images/writer.js';
import type { Log } from '../log.js';
import type { MemoryContext } from '../resources/memory/restore.js';
import type { RestoreTask } from './model.js';

const PAGE = 4096;

export class RestoreStats {
  private readonly start = nowMs();
  /** When every thread was what it had been, and stood. */
  private end = this.start;
  /** Pages that children compared with their parents' memory, and how many of them were left as they were. */
  private compared = 0;
  private equal = 0;

  restored(): void {
    this.end = nowMs();
  }

  /** Before the seeds run other programs: the results are in the arena. */
  countCompared({ compared }: MemoryContext): void {
    this.compared = compared.reduce((n, part) => n + part.pages, 0);
    this.equal = this.compared - compared.reduce((n, part) => n + part.call.result, 0);
  }

  /** @param forkMs how long the stage `fork` took */
  write(folder: string, tasks: readonly RestoreTask[], forkMs: number, log: Log): void {
    const pages = tasks.flatMap((task) => task.pages?.runs ?? []).reduce((n, run) => n + (run.end - run.start) / PAGE, 0);
    const restore = {
      pages_compared: BigInt(this.compared),
      pages_skipped_cow: BigInt(this.equal),
      forking_time: Math.round(forkMs * 1000),
      restore_time: Math.round((this.end - this.start) * 1000),
      pages_restored: BigInt(pages - this.equal),
    };
    try {
      writeServiceImage(folder, 'stats-restore', { restore });
    } catch (error) {
      // The tree runs: what cannot be measured is no reason to fail.
      log.warn(`The statistics were not written: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
