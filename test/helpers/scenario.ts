/** A program that can be started, taken through a checkpoint at one point, and judged afterwards. */
import { SubjectFailure, type Subject } from './subject.js';
import { buildVictim, type Victim } from './victims.js';

export interface Scenario {
  readonly name: string;
  /** Options that every tool needs to dump and restore it. */
  readonly dumpOptions: readonly string[];
  readonly restoreOptions: readonly string[];
  /** Huge pages (2 MiB) that must be there while it runs. */
  readonly hugePages?: number;
  /** Something that the machine has once: scenarios with the same word must not run at the same time. */
  readonly shares?: string | null;
  /** Starts it and waits until it may be dumped. @throws Skipped when this machine lacks what it is about */
  start(subject: Subject): Promise<void>;
  /** Lets it go on to its end. @throws SubjectFailure when it did not go on as it should */
  finish(subject: Subject): Promise<void>;
}

/** The machine lacks a feature; the message names it. */
export class Skipped extends Error {}

/** Waits for the first line of a program that speaks like a victim (victim.h). */
export async function waitReady(subject: Subject): Promise<void> {
  await subject.waitUntil(() => subject.output().includes('\n'), 'READY');
  const first = subject.output().split('\n', 1)[0] ?? '';
  if (first.startsWith('SKIP: ')) throw new Skipped(first.slice(6));
  if (first !== 'READY') throw new SubjectFailure(`the program did not get ready: ${subject.output()}`);
}

/** Tells a program that speaks like a victim to go on, and insists on READY, PASS and nothing else. */
export async function passAfterGo(subject: Subject): Promise<void> {
  subject.go();
  await subject.waitUntil(() => subject.output().split('\n').length > 2, 'PASS or FAIL');
  const said = subject.output();
  if (said !== 'READY\nPASS\n') throw new SubjectFailure(`the program says ${said.replace(/^READY\n/, '').trim()}`);
}

export function scenarioOf(victim: Victim): Scenario {
  return {
    name: victim.name,
    dumpOptions: victim.dumpOptions,
    restoreOptions: victim.restoreOptions,
    hugePages: victim.hugePages,
    shares: victim.shares,
    start: async (subject) => {
      subject.start(subject.install(await buildVictim(victim)));
      await waitReady(subject);
    },
    finish: passAfterGo,
  };
}
