/** Programs that people really run, started, dumped in the middle of their work, and shown to go on from there. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../helpers/run-command.js';
import { passAfterGo, waitReady, type Scenario } from '../helpers/scenario.js';
import { SubjectFailure, type Subject } from '../helpers/subject.js';
import { sqlite3 } from './sqlite.js';
import { shellJobs, shellUnderScript } from './shell.js';

const SOURCES = join(repository, 'test/programs');
const BUILT = join(repository, 'test/.work/programs');

/** Absolute path of a program of the system. @throws Error that names the Debian package */
export function systemProgram(name: string, debianPackage: string): string {
  const path = join('/usr/bin', name);
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    throw new Error(`${path} is not there: apt-get install ${debianPackage}`);
  }
}

function speaksLikeVictim(name: string, start: (subject: Subject) => void): Scenario {
  return {
    name,
    dumpOptions: [],
    restoreOptions: [],
    start: async (subject) => {
      start(subject);
      await waitReady(subject);
    },
    finish: passAfterGo,
  };
}

const python3 = speaksLikeVictim('python3', (subject) =>
  subject.start(systemProgram('python3', 'python3'), ['-I', join(SOURCES, 'counters.py')]),
);

const node = speaksLikeVictim('node', (subject) => subject.start(process.execPath, [join(SOURCES, 'timer.mjs')]));

/** @returns the folder with the compiled class */
function compiledJava(): string {
  const source = join(SOURCES, 'Counters.java');
  const folder = join(BUILT, `java-${createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  const own = `${folder}.${process.pid}`;
  mkdirSync(own, { recursive: true });
  execFileSync(systemProgram('javac', 'default-jdk-headless'), ['-d', own, source]);
  renameSync(own, folder);
  return folder;
}

// -XX:-UsePerfData: every JVM that starts on the machine removes the files of this feature that belong to no living process (/tmp/hsperfdata_*), also those
// of one that is waiting in images.
const java = speaksLikeVictim('java', (subject) =>
  subject.start(systemProgram('java', 'default-jdk-headless'), ['-Xmx64m', '-XX:-UsePerfData', '-cp', compiledJava(), 'Counters']),
);

const lines = (subject: Subject, name: string): string[] => {
  const path = join(subject.cwd, name);
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
};

const pipeline: Scenario = {
  name: 'pipeline',
  dumpOptions: [],
  restoreOptions: [],
  start: async (subject) => {
    subject.start(systemProgram('dash', 'dash'), [join(SOURCES, 'pipeline.sh')]);
    await subject.waitUntil(() => lines(subject, 'ready').includes('READY') && lines(subject, 'sums').length >= 20, 'twenty sums');
  },
  finish: async (subject) => {
    const before = lines(subject, 'sums').length;
    writeFileSync(join(subject.cwd, 'go'), '');
    await subject.waitUntil(() => subject.processes().length === 0, 'the end of the pipeline');
    const sums = lines(subject, 'sums');
    const wrong = sums.findIndex((line, i) => line !== `${i + 1} ${((i + 1) * (i + 2)) / 2}`);
    if (wrong >= 0) throw new SubjectFailure(`line ${wrong + 1} of the sums is "${sums[wrong]}"`);
    if (sums.length < before + 20) throw new SubjectFailure(`${sums.length} sums after ${before}: the pipeline did not go on`);
  },
};

/** All of them. */
export function programs(): Scenario[] {
  return [python3, node, java, pipeline, shellUnderScript, shellJobs, sqlite3];
}
