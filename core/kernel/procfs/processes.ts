/** All processes that /proc shows. */
import { readdirSync } from 'node:fs';
import type { ProcReader } from './reader.js';

export function readProcesses(proc: ProcReader): number[] {
  return readdirSync(proc.root)
    .filter((name) => /^[1-9][0-9]*$/.test(name))
    .map(Number);
}
