/** The victims of the benchmark: one program in several sizes. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../helpers/run-command.js';
import { passAfterGo, waitReady, type Scenario } from '../helpers/scenario.js';

export interface Load {
  readonly name: string;
  readonly heapMiB: number;
  readonly processes: number;
  readonly threads: number;
  /** Times that each tool does it. */
  readonly rounds: number;
}

export const LOADS: readonly Load[] = [
  { name: '1 MiB', heapMiB: 1, processes: 1, threads: 1, rounds: 9 },
  { name: '256 MiB', heapMiB: 256, processes: 1, threads: 1, rounds: 7 },
  { name: '2 GiB', heapMiB: 2048, processes: 1, threads: 1, rounds: 5 },
  { name: '100 processes', heapMiB: 1, processes: 100, threads: 1, rounds: 7 },
  { name: '500 threads', heapMiB: 1, processes: 1, threads: 500, rounds: 7 },
  { name: '5000 threads', heapMiB: 1, processes: 1, threads: 5000, rounds: 3 },
];

/** Compiles the program unless it is there. @returns its path */
function program(): string {
  const source = join(repository, 'test/bench/load.c');
  const header = join(repository, 'test/fixtures/victims/victim.h');
  const hash = createHash('sha256').update(readFileSync(source)).update(readFileSync(header)).digest('hex').slice(0, 16);
  const path = join(repository, 'test/.work/bench', `load-${hash}`);
  if (existsSync(path)) return path;
  mkdirSync(join(repository, 'test/.work/bench'), { recursive: true });
  execFileSync(process.env['CC'] ?? 'cc', ['-std=gnu17', '-O2', '-pthread', '-o', `${path}.${process.pid}`, source]);
  renameSync(`${path}.${process.pid}`, path);
  return path;
}

export function scenarioOfLoad(load: Load): Scenario {
  return {
    name: `load-${load.name.replaceAll(' ', '-')}`,
    dumpOptions: [],
    restoreOptions: [],
    start: async (subject) => {
      subject.start(subject.install(program()), [load.heapMiB, load.processes, load.threads].map(String));
      await waitReady(subject);
    },
    finish: passAfterGo,
  };
}
