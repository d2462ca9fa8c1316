/** Progress for people: one line on a terminal, and only when the work takes more than a second. */
import { nowMs } from '../clock.js';
import { writeAll } from '../log.js';
import type { ProgressEvent } from '../options.js';
import { STAGES } from '../stages.js';
import { isTerminal } from '../terminal.js';

const QUIET_MS = 1000;
const REDRAW_MS = 100;
/** Stages in which the tree runs: it may write to this very terminal (--shell-job), so our line must be gone by then and not come back. */
const TREE_RUNS = new Set(
  Object.values(STAGES).flatMap((stages) =>
    Object.entries(stages)
      .filter(([, { target }]) => target === 'final')
      .map(([name]) => name),
  ),
);

export interface Progress {
  readonly update: (event: ProgressEvent) => void;
  /** Removes the line again. */
  readonly clear: () => void;
}

function percent({ done, total }: ProgressEvent): string {
  if (done === undefined || total === undefined || total <= 0) return '';
  return ` ${Math.min(100, Math.floor((done / total) * 100))} %`;
}

/** The line for one event, without control characters. */
export function progressText(event: ProgressEvent): string {
  return `criu-ts: ${event.stage}${percent(event)}`;
}

/** @param write and `terminal` and `now` are replaced in tests */
export function createProgress(
  terminal = isTerminal(2),
  write: (text: string) => void = (text) => writeAll(2, text),
  now: () => number = nowMs,
): Progress {
  const start = now();
  let drawn = -Infinity;
  const clear = (): void => {
    if (drawn === -Infinity) return;
    drawn = -Infinity;
    write('\r\x1b[K');
  };
  return {
    update: (event) => {
      if (TREE_RUNS.has(event.stage)) return clear();
      const time = now();
      if (!terminal || time - start < QUIET_MS || time - drawn < REDRAW_MS) return;
      drawn = time;
      write(`\r\x1b[K${progressText(event)}`);
    },
    clear,
  };
}
