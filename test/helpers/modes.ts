/** The ways in which a victim or a real program is taken through a checkpoint. */
import type { Gap } from './gaps.js';
import { gapFor } from './gaps.js';
import { reserveHugePages } from './huge-pages.js';
import { peers, type Peer } from './peers.js';
import { Skipped, type Scenario } from './scenario.js';
import { Subject, SubjectFailure } from './subject.js';
import { ours, toolOf, type Tool } from './tools.js';

/**
 * alone: no checkpoint. ours: our dump, our restore. ours-running: our dump that leaves the tree running. ours-to-criu, criu-to-ours: the tools
 * mixed. criu: the peer alone, which shows that the victim is right.
 */
export const MODES = ['alone', 'criu', 'ours-running', 'ours', 'ours-to-criu', 'criu-to-ours'] as const;
export type Mode = (typeof MODES)[number];

export interface Case {
  readonly scenario: Scenario;
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

/** Every case of these scenarios and modes, the peers multiplied out. */
export function casesOf(list: readonly Scenario[], modes: readonly Mode[], versions?: readonly string[]): Case[] {
  const needPeer = modes.some((mode) => mode.includes('criu'));
  const chosen = needPeer ? peers().filter((peer) => versions === undefined || versions.includes(peer.version)) : [];
  return list.flatMap((scenario) =>
    modes.flatMap((mode): Case[] => (mode.includes('criu') ? chosen.map((peer) => ({ scenario, mode, peer })) : [{ scenario, mode }])),
  );
}

export function caseName({ scenario, mode, peer }: Case): string {
  return `${scenario.name} ${mode}${peer === undefined ? '' : ` ${peer.version}`}`;
}

function toolsOf({ mode, peer }: Case): { dump: Tool | null; restore: Tool | null } {
  const theirs = peer === undefined ? null : toolOf(peer);
  if (mode === 'alone') return { dump: null, restore: null };
  if (mode === 'ours-running') return { dump: ours, restore: null };
  return { dump: mode.startsWith('ours') ? ours : theirs, restore: mode.endsWith('ours') ? ours : theirs };
}

/** Lets it go on, insists on its own verdict and on nothing being left. */
async function finish(subject: Subject, scenario: Scenario): Promise<void> {
  await scenario.finish(subject);
  await subject.waitGone('after the end');
}

/** A failed dump must leave the target unharmed; what becomes of it belongs to the failure. */
async function afterFailedDump(subject: Subject, scenario: Scenario, failure: unknown): Promise<never> {
  if (!(failure instanceof SubjectFailure)) throw failure;
  const fate = await finish(subject, scenario).then(
    () => 'went on unharmed',
    (harm: unknown) => `WAS HARMED: ${harm instanceof Error ? harm.message : String(harm)}`,
  );
  throw new SubjectFailure(`${failure.message}\nAfter the failed dump the target ${fate}`);
}

interface Times {
  dumpMs?: number;
  restoreMs?: number;
}

async function take(subject: Subject, item: Case): Promise<Times> {
  const { scenario, mode } = item;
  const tools = toolsOf(item);
  const times: Times = {};
  await scenario.start(subject);
  const before = subject.family();
  if (tools.dump !== null) {
    const options = [...scenario.dumpOptions, ...(mode === 'ours-running' ? ['--leave-running'] : [])];
    times.dumpMs = (await subject.dump(tools.dump, options).catch((error: unknown) => afterFailedDump(subject, scenario, error))).ms;
  }
  if (tools.restore !== null) {
    await subject.waitGone('after the dump', before);
    times.restoreMs = (await subject.restore(tools.restore, scenario.restoreOptions)).ms;
  }
  await finish(subject, scenario);
  if (tools.restore === null) {
    const status = await subject.exitStatus();
    if (status !== 0) throw new SubjectFailure(`all went well, but the exit status is ${status}`);
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
  const subject = new Subject(item.scenario.name);
  let failure: unknown = null;
  let times: Times = {};
  let giveBack = async (): Promise<void> => {};
  try {
    const { hugePages = 0 } = item.scenario;
    if (hugePages > 0) giveBack = await reserveHugePages(hugePages);
    times = await take(subject, item);
  } catch (error) {
    failure = error;
  }
  try {
    await subject.close(keep);
    await giveBack();
  } catch (error) {
    failure ??= error;
  }
  const gap = gapFor(item.scenario.name, item.mode, item.peer?.version);
  return { ...judged(item, gap, failure, keep ? subject.folder : undefined), ...times };
}
