/** Interactive programs: input comes from a fifo that the program itself holds open for reading and writing, so it never ends. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { PATIENCE_MS, type Subject } from '../helpers/subject.js';

const FIFO = 'keyboard';

/** Starts a program whose standard input is the fifo. */
export function startTyped(subject: Subject, command: string, args: readonly string[]): void {
  execFileSync('mkfifo', [join(subject.cwd, FIFO)]);
  subject.start('/bin/bash', ['-c', `exec "$@" 0<>${FIFO}`, 'bash', command, ...args]);
}

/** Types a line. Somebody reads the fifo, so this never blocks for more than the pipe's size. */
export function type(subject: Subject, line: string): void {
  appendFileSync(join(subject.cwd, FIFO), `${line}\n`);
}

/** Types a line and waits until `answer` has been written after it. */
export async function ask(subject: Subject, line: string, answer: string, patienceMs = PATIENCE_MS): Promise<void> {
  const from = subject.output().length;
  type(subject, line);
  await subject.waitUntil(() => subject.output().slice(from).includes(answer), `"${answer}" after typing "${line}"`, patienceMs);
}
