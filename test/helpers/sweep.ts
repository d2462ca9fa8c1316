/** Sweeps: the same dump or restore again and again, each time with something going wrong at another op of its programs (fault-run.ts). */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WALL, WNOHANG } from '../../core/abi/ptrace.js';
import { LocalCalls } from '../../core/kernel/local.js';
import type { FaultReport, OpPlace } from './fault-run.js';
import { killAll, type ProcessInfo } from './processes.js';
import { repository } from './run-command.js';
import { scenarioOf, type Scenario } from './scenario.js';
import { Subject } from './subject.js';
import { victims } from './victims.js';

export const NEEDS_ROOT = process.getuid?.() === 0 ? false : 'needs root: processes are frozen and pids chosen';
const PATIENCE_MS = 30_000;
const SETTLE_MS = 20_000;
const REAP_MS = 10;
const PR_SET_CHILD_SUBREAPER = 36;
/** Victims give up after 50 seconds. */
const VICTIM_LASTS_MS = 20_000;
/** Waiting is repeated as often as is needed, which is not always the same. */
const NOT_ALWAYS = ['remote.wait', 'remote.look', 'remote.continue', 'freeze.settle', 'seeds.wait', 'seeds.kill'];
const script = join(repository, 'dist/test/helpers/fault-run.js');

export interface Fault {
  /** `fail`, `end-tool`, or the pid of who is killed (fault-run.ts). */
  readonly what: string;
  readonly place: OpPlace;
}

/** What came of one run; null when the tool was killed. */
export type Outcome = FaultReport | null;

export function describeFault(fault: Fault | null, outcome: Outcome): string {
  const place = fault === null ? 'no fault' : `${fault.what} at ${fault.place.join(' ')}`;
  return `${place}: ${outcome === null ? 'the tool was killed' : (outcome.error ?? 'no error')}`;
}

/** Runs one dump or restore. The output goes to a file: a restored process would keep a pipe open. */
export async function faultRun(subject: Subject, words: readonly string[], fault: Fault | null): Promise<Outcome> {
  const all = [script, ...words, ...(fault === null ? [] : [fault.what, ...fault.place.map(String)])];
  const done = await subject.call({ name: 'fault', command: process.execPath }, all, PATIENCE_MS);
  const where = describeFault(fault, null);
  assert.ok(!done.timedOut, `${where}: hangs`);
  if (fault?.what === 'end-tool' && done.signal === 'SIGKILL') return null;
  assert.equal(done.status, 0, `${where}: ${done.signal ?? done.text}`);
  const report = JSON.parse(done.text.trim().split('\n').at(-1)!) as FaultReport;
  assert.ok(!report.error?.startsWith('NOT A'), `${where}: ${report.error}`);
  return report;
}

/** The first op of every program. */
export function programStarts(ops: readonly OpPlace[]): readonly OpPlace[] {
  return ops.filter(
    ([program, run, op], i) => i === 0 || String(ops[i - 1]!.slice(0, 2)) !== String([program, run]) || op < ops[i - 1]![2],
  );
}

/** Which ops: with CRIU_TS_SWEEP=all every one, else the first of every program and about `sample` others. Always the same ones, so that a failure can be repeated. */
export function chosen(ops: readonly OpPlace[], sample: number): readonly OpPlace[] {
  if (process.env['CRIU_TS_SWEEP'] === 'all') return ops;
  const step = Math.max(1, Math.floor(ops.length / sample));
  const seen = new Set<string>();
  return ops.filter(([program], i) => {
    const fresh = !seen.has(program);
    seen.add(program);
    return fresh || i % step === step - 1;
  });
}

/**
 * Something goes wrong at one op after the other.
 * @param sample how many ops besides the first ones of programs
 * @param attempt one run without or with a fault at an op, and a look at what it left
 * @param among which ops of a run may be chosen
 */
export async function sweep(
  sample: number,
  attempt: (place: OpPlace | null) => Promise<Outcome>,
  among = (ops: readonly OpPlace[]): readonly OpPlace[] => ops,
): Promise<void> {
  const whole = await attempt(null);
  assert.ok(whole && whole.error === null, whole?.error ?? 'killed');
  const missed = new Set(whole.ops.map(([program]) => program));
  for (const place of chosen(among(whole.ops), sample)) {
    const outcome = await attempt(place);
    if (outcome === null || outcome.hit) missed.delete(place[0]);
  }
  for (const name of NOT_ALWAYS) missed.delete(name);
  assert.deepEqual([...missed], [], 'nothing went wrong in these programs');
}

/** What a thread looks like from outside, without what changes by itself. */
function threadsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((tid) => {
    const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8');
    const line = (name: string) => new RegExp(`^${name}:\t(.*)$`, 'm').exec(status)?.[1] ?? '?';
    const state = /^[RSD]/.test(line('State')) ? 'alive' : line('State');
    return `${tid} ${state} tracer ${line('TracerPid')} blocked ${line('SigBlk')}`;
  });
}

const mapsOf = (pid: number): string[] => readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').filter(Boolean);

/** What an abandoned arena leaves in a process of several threads is shared, anonymous, and known to be harmless (parasite.ts). */
const withoutArenas = (looks: readonly Look[]): Look[] =>
  looks.map((look) => ({ ...look, maps: look.maps.filter((line) => !line.endsWith('/dev/zero (deleted)')) }));

interface Look {
  readonly pid: number;
  readonly threads: string[];
  readonly maps: string[];
}

/** Processes as they were, to compare with later. */
export class Snapshot {
  private readonly before: readonly Look[];
  constructor(private readonly pids: readonly number[]) {
    this.before = this.look();
  }

  private look(): Look[] {
    return this.pids.map((pid) => ({ pid, threads: threadsOf(pid), maps: mapsOf(pid) }));
  }

  /**
   * They are as they were, or will be in a moment: tasks may still be healing themselves.
   * @param abandoned the tool was killed: nobody could unmap arenas
   */
  async assertSame(where: string, abandoned = false): Promise<void> {
    const compared = abandoned ? withoutArenas : (looks: readonly Look[]) => looks;
    const before = compared(this.before);
    for (let waited = 0; ; waited += 10) {
      const now = compared(this.look());
      if (JSON.stringify(now) === JSON.stringify(before)) return;
      if (waited > SETTLE_MS) assert.deepEqual(now, before, where);
      await sleep(10);
    }
  }
}

/** A victim that was started and is ready. */
export interface Ready {
  readonly subject: Subject;
  readonly scenario: Scenario;
}

export async function ready(name: string): Promise<Ready> {
  const subject = new Subject(`sweep-${name}`);
  const victim = victims().find((one) => one.name === name);
  assert.ok(victim, `no victim ${name}`);
  const scenario = scenarioOf(victim);
  await scenario.start(subject);
  return { subject, scenario };
}

/** A victim that is dumped again and again, and now and then has to pass. */
export class Running {
  private started = 0;
  private before: Snapshot | null = null;
  private current: Ready | null = null;
  constructor(private readonly name: string) {}

  /** Dumps it in a folder of its own. */
  async dump(fault: Fault | null): Promise<{ outcome: Outcome; images: string; where: string }> {
    if (this.current && performance.now() - this.started > VICTIM_LASTS_MS) await this.finish();
    if (!this.current) {
      this.started = performance.now();
      this.current = await ready(this.name);
      this.before = new Snapshot(this.current.subject.processes().map(({ pid }) => pid));
    }
    const { subject } = this.current;
    const images = mkdtempSync(join(subject.folder, 'images-'));
    const outcome = await faultRun(subject, ['dump', String(subject.pid), images], fault);
    return { outcome, images, where: describeFault(fault, outcome) };
  }

  async assertUnharmed(where: string, abandoned = false): Promise<void> {
    await this.before?.assertSame(where, abandoned);
  }

  async finish(): Promise<void> {
    const { current } = this;
    this.current = null;
    try {
      await current?.scenario.finish(current.subject);
    } finally {
      await current?.subject.close();
    }
  }

  async close(): Promise<void> {
    await this.current?.subject.close();
  }
}

/** What a restore may leave behind beside processes. */
export function leftovers({ cwd }: Subject): string[] {
  return [readFileSync('/proc/self/mounts', 'utf8'), ...readdirSync('/dev/shm'), ...readdirSync(cwd, { recursive: true }).map(String)];
}

/**
 * The parent of orphans, for as long as this process lives. Init may need a second to collect one (PR_SET_CHILD_SUBREAPER(2const)), and until then its pid is
 * taken.
 */
export class Orphanage {
  private readonly calls = new LocalCalls();
  private readonly pids: number[];
  private readonly timer = setInterval(() => this.reap(), REAP_MS);
  /** @param subject as it was started */
  constructor(private readonly subject: Subject) {
    this.pids = subject.family().map(({ pid }) => pid);
    this.calls.must({ why: 'adopt orphans' }, 'prctl', PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  }

  add(pid: number): void {
    this.pids.push(pid);
  }

  /** Collects those of the pids that have ended. Happens by itself while others are waited for. Node's own children are left to it. */
  reap(): void {
    for (const pid of this.pids) if (!this.subject.awaits(pid)) this.calls.call('wait4', pid, 0, WALL | WNOHANG, 0);
  }

  close(): void {
    clearInterval(this.timer);
    this.reap();
    this.calls.must({ why: 'let orphans go' }, 'prctl', PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    this.calls.close();
  }
}

/** Waits until the processes of a run are the same at several looks: some may be about to end. */
export async function settled(subject: Subject): Promise<readonly ProcessInfo[]> {
  const look = (): string => JSON.stringify(subject.processes().map(({ pid }) => pid));
  let before = look();
  for (let same = 0, i = 0; same < 3 && i < 100; i++) {
    await sleep(20);
    const now = look();
    same = now === before ? same + 1 : 0;
    before = now;
  }
  return subject.processes();
}

/** No process is left of a restore that failed. */
export async function assertGone(subject: Subject, where: string): Promise<void> {
  await subject.waitGone(where, [], SETTLE_MS);
}

/** Ends a tree that was restored although something went wrong. */
export async function endTree(subject: Subject): Promise<void> {
  await killAll(subject.marks);
  await subject.waitGone('after it was killed');
}
