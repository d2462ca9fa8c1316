/** All processes that /proc shows. */
import { readdirSync } from 'node:fs';

export function readProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[1-9][0-9]*$/.test(name))
    .map(Number);
}
