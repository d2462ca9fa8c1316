/** Somebody who sees every program of a run before and after it runs: the trace (--trace-programs), and fault injection in tests. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from './program.js';

export interface ProgramObserver {
  /** The program is sealed and about to be handed to its executor; its cells may still be changed. */
  before?(program: Program): void;
  /** It has run; `status` is vm_run's answer. */
  after?(program: Program, status: number): void;
}

export const NOBODY: ProgramObserver = {};

/** Writes each program with its results to a file of its own: 0001-freeze.seize.txt ... */
export class ProgramTrace implements ProgramObserver {
  private count = 0;

  /** @param dir made when it does not exist */
  constructor(private readonly dir: string) {
    mkdirSync(dir, { recursive: true });
  }

  after(program: Program, status: number): void {
    const name = `${String(++this.count).padStart(4, '0')}-${program.name}.txt`;
    // Never over another file or along a link: the folder may be one that others can write.
    writeFileSync(join(this.dir, name), `${program.text()}status ${status}\n`, { flag: 'wx', mode: 0o600 });
  }
}
