/** The ways in which a victim is taken through a checkpoint. */
import type { Gap } from './gaps.js';
import { gapFor } from './gaps.js';
import { peers, type Peer } from './peers.js';
import { Subject, SubjectFailure } from './subject.js';
import { ours, toolOf, type Tool } from './tools.js';
import { buildVictim, type Victim } from './victims.js';

/**
 * alone: no checkpoint. ours: our dump, our restore. ours-running: our dump that leaves the tree running. ours-to-criu, criu-to-ours: the tools
 * mixed. criu: the peer alone, which shows that the victim is right.
 */
export const MODES = ['alone', 'criu', 'ours-running', 'ours', 'ours-to-criu', 'criu-to-ours'] as const;
export type Mode = (typeof MODES)[number];

export interface Case {
  readonly victim: Victim;
  readonly mode: Mode;
  /** Set for the modes that need one. */
  readonly peer?: Peer;
}

export interface Outcome {
  readonly kind: 'pass' | 'fail' | 'skip' | 'gap';
  /** Why it failed or was skipped, or the reason of the gap. */
  readonly reason: string;
  readonly dumpMs?: number;
  readonly restoreMs?: number;
  /** Folder of the run when it was kept. */
  readonly folder?: string;
}

/** Every case of these victims and modes, the peers multiplied out. */
export function casesOf(list: readonly Victim[], modes: readonly Mode[], versions?: readonly string[]): Case[] {
  const needPeer = modes.some((mode) => mode.includes('criu'));
  const chosen = needPeer ? peers().filter((peer) => versions === undefined || versions.includes(peer.version)) : [];
  return list.flatMap((victim) =>
    modes.flatMap((mode): Case[] => (mode.includes('criu') ? chosen.map((peer) => ({ victim, mode, peer })) : [{ victim, mode }])),
  );
}

export function caseName({ victim, mode, peer }: Case): string {
  return `${victim.name} ${mode}${peer === undefined ? '' : ` ${peer.version}`}`;
}

class Skipped extends Error {}

function toolsOf({ mode, peer }: Case): { dump: Tool | null; restore: Tool | null } {
  const theirs = peer === undefined ? null : toolOf(peer);
  if (mode === 'alone') return { dump: null, restore: null };
  if (mode === 'ours-running') return { dump: ours, restore: null };
  return { dump: mode.startsWith('ours') ? ours : theirs, restore: mode.endsWith('ours') ? ours : theirs };
}

async function startVictim(subject: Subject, victim: Victim): Promise<void> {
  subject.start(subject.install(await buildVictim(victim)));
  await subject.waitUntil(() => subject.output().includes('\n'), 'READY');
  const first = subject.output().split('\n', 1)[0] ?? '';
  if (first.startsWith('SKIP: ')) throw new Skipped(first.slice(6));
  if (first !== 'READY') throw new SubjectFailure(`the victim did not get ready:\n${subject.output()}`);
}

/** Tells the victim to go on and insists on READY, PASS and nothing else. */
async function finishVictim(subject: Subject): Promise<void> {
  subject.go();
  await subject.waitUntil(() => subject.output().split('\n').length > 2, 'PASS or FAIL');
  if (subject.output() !== 'READY\nPASS\n')
    throw new SubjectFailure(
      `the victim says ${subject
        .output()
        .replace(/^READY\n/, '')
        .trim()}`,
    );
  await subject.waitGone('after PASS');
}

/** A failed dump must leave the target unharmed; what becomes of it belongs to the failure. */
async function afterFailedDump(subject: Subject, failure: unknown): Promise<never> {
  if (!(failure instanceof SubjectFailure)) throw failure;
  const fate = await finishVictim(subject).then(
    () => 'went on unharmed (PASS)',
    (harm: unknown) => `WAS HARMED: ${harm instanceof Error ? harm.message : String(harm)}`,
  );
  throw new SubjectFailure(`${failure.message}\nAfter the failed dump the target ${fate}`);
}

interface Times {
  dumpMs?: number;
  restoreMs?: number;
}

async function take(subject: Subject, item: Case): Promise<Times> {
  const { victim, mode } = item;
  const tools = toolsOf(item);
  const times: Times = {};
  await startVictim(subject, victim);
  const before = subject.processes();
  if (tools.dump !== null) {
    const options = [...victim.dumpOptions, ...(mode === 'ours-running' ? ['--leave-running'] : [])];
    times.dumpMs = (await subject.dump(tools.dump, options).catch((error: unknown) => afterFailedDump(subject, error))).ms;
  }
  if (tools.restore !== null) {
    await subject.waitGone('after the dump', before);
    times.restoreMs = (await subject.restore(tools.restore, victim.restoreOptions)).ms;
  }
  await finishVictim(subject);
  if (tools.restore === null) {
    const status = await subject.exitStatus();
    if (status !== 0) throw new SubjectFailure(`the victim passed but ended with ${status}`);
  }
  return times;
}

function judged(item: Case, gap: Gap | undefined, failure: unknown, folder: string | undefined): Outcome {
  const more = folder === undefined ? {} : { folder };
  if (failure instanceof Skipped) return { kind: 'skip', reason: failure.message, ...more };
  if (failure === null) {
    if (gap === undefined) return { kind: 'pass', reason: '', ...more };
    return { kind: 'fail', reason: `${caseName(item)} works now: take it out of test/interop/known-gaps.json`, ...more };
  }
  if (gap !== undefined) return { kind: 'gap', reason: gap.reason, ...more };
  return {
    kind: 'fail',
    reason: failure instanceof SubjectFailure ? failure.message : ((failure as Error).stack ?? String(failure)),
    ...more,
  };
}

/** Runs one case from start to clean-up. Never throws: what goes wrong is the outcome. */
export async function runCase(item: Case, keep = false): Promise<Outcome> {
  const subject = new Subject(item.victim.name);
  let failure: unknown = null;
  let times: Times = {};
  try {
    times = await take(subject, item);
  } catch (error) {
    failure = error;
  }
  try {
    await subject.close(keep);
  } catch (error) {
    failure ??= error;
  }
  const gap = gapFor(item.victim.name, item.mode, item.peer?.version);
  return { ...judged(item, gap, failure, keep ? subject.folder : undefined), ...times };
}
