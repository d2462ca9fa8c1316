/** A victim in circumstances that may stand in its way: dumped and restored by a command of which only what it says is known. */
import assert from 'node:assert/strict';
import { launcher } from './run-command.js';
import type { Subject } from './subject.js';
import { Orphanage, ready } from './sweep.js';
import { dumpArguments, ours, restoreArguments, type Finished, type Tool } from './tools.js';

/** Our command under another one, such as setpriv with its options. */
export const under = (...words: string[]): Tool & { words: string[] } => ({
  name: 'ours',
  command: `/usr/bin/${words[0]}`,
  words: [...words.slice(1), launcher],
});
export const withoutCapability = (name: string) => under('setpriv', '--bounding-set', `-${name}`, '--inh-caps', `-${name}`, '--');

export async function dumpBy(tool: Tool & { words: string[] }, subject: Subject, options: readonly string[] = []): Promise<Finished> {
  return subject.call(tool, [...tool.words, ...dumpArguments(subject.pid, { images: subject.images, work: subject.folder, options })]);
}
export async function restoreBy(tool: Tool & { words: string[] }, subject: Subject, options: readonly string[] = []): Promise<Finished> {
  return subject.call(tool, [...tool.words, ...restoreArguments({ images: subject.images, work: subject.folder, options })]);
}
export const plain = { ...ours, words: [] };

export async function withSubject(
  name: string,
  work: (subject: Subject, finish: () => Promise<void>, options: readonly string[], orphans: Orphanage) => Promise<void>,
): Promise<void> {
  const { subject, scenario } = await ready(name);
  const orphans = new Orphanage(subject);
  try {
    await work(subject, () => scenario.finish(subject), scenario.dumpOptions, orphans);
  } finally {
    await subject.close();
    orphans.close();
  }
}

/** Dumps and waits until the pids are free. */
export async function dumpAway(subject: Subject, options: readonly string[] = []): Promise<void> {
  const family = subject.family();
  await subject.dump(ours, options);
  await subject.waitGone(
    'after the dump',
    family.filter(({ pid }) => pid === subject.pid),
  );
}

export function assertSays(done: Finished, says: RegExp): void {
  assert.equal(done.status, 1, `ended with ${done.status ?? done.signal}: ${done.text}`);
  assert.match(done.text, says);
  assert.doesNotMatch(done.text, /^\s+at .*:\d+:\d+\)?$/m, 'a stack trace');
}
