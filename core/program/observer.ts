/** Somebody who sees every program of a run before and after it runs: the files for people (--trace-programs, --emit-c), and fault injection in tests. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emitC } from './emit-c.js';
import type { Program } from './program.js';

export interface ProgramObserver {
  /** The program is sealed and about to be handed to its executor; its cells may still be changed. */
  before?(program: Program): void;
  /** It has run; `status` is vm_run's answer. */
  after?(program: Program, status: number): void;
}

export const NOBODY: ProgramObserver = {};

export interface ObserverOptions {
  /** Folder for programs with their results. */
  readonly tracePrograms?: string;
  /** Folder for programs as C files. */
  readonly emitC?: string;
  /** Instead of both. */
  readonly observer?: ProgramObserver;
}

/** The observer that the options of a run ask for. */
export function observerOf({ tracePrograms, emitC: sources, observer }: ObserverOptions): ProgramObserver {
  if (observer) return observer;
  if (tracePrograms === undefined && sources === undefined) return NOBODY;
  const trace = tracePrograms === undefined ? NOBODY : new ProgramTrace(tracePrograms);
  const written = sources === undefined ? NOBODY : new ProgramSources(sources);
  return {
    before: (program) => written.before?.(program),
    after: (program, status) => trace.after?.(program, status),
  };
}

/** Numbered files in a folder that is made when it does not exist. */
class ProgramFolder {
  private count = 0;
  constructor(private readonly dir: string) {
    mkdirSync(dir, { recursive: true });
  }
  write(program: Program, ending: string, text: string): void {
    const name = `${String(++this.count).padStart(4, '0')}-${program.name}.${ending}`;
    // Never over another file or along a link: the folder may be one that others can write.
    writeFileSync(join(this.dir, name), text, { flag: 'wx', mode: 0o600 });
  }
}

/** Writes each program with its results to a file of its own: 0001-freeze.seize.txt ... */
export class ProgramTrace implements ProgramObserver {
  private readonly folder: ProgramFolder;
  /** @param dir made when it does not exist */
  constructor(dir: string) {
    this.folder = new ProgramFolder(dir);
  }
  after(program: Program, status: number): void {
    this.folder.write(program, 'txt', `${program.text()}status ${status}\n`);
  }
}

/** Writes each program as a C file, before it runs: 0001-freeze.seize.c ... */
export class ProgramSources implements ProgramObserver {
  private readonly folder: ProgramFolder;
  /** @param dir made when it does not exist */
  constructor(dir: string) {
    this.folder = new ProgramFolder(dir);
  }
  before(program: Program): void {
    this.folder.write(program, 'c', emitC(program.source()));
  }
}
