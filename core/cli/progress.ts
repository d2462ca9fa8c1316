/** Progress for people: one line on a terminal, and only when the work takes more than a second. */
import { nowMs } from '../clock.js';
import { writeAll } from '../log.js';
import type { ProgressEvent } from '../options.js';
import { isTerminal } from '../terminal.js';

const QUIET_MS = 1000;
const REDRAW_MS = 100;

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
  return {
    update: (event) => {
      const time = now();
      if (!terminal || time - start < QUIET_MS || time - drawn < REDRAW_MS) return;
      drawn = time;
      write(`\r\x1b[K${progressText(event)}`);
    },
    clear: () => {
      if (drawn !== -Infinity) write('\r\x1b[K');
    },
  };
}
