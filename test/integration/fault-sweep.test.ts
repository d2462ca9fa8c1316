/**
 * The fault sweep: ops of the programs of a dump and of a restore are made to fail, one a run. A dump that fails leaves the target running unharmed; a
 * restore that fails leaves no process, file or mount behind. CRIU_TS_SWEEP=all takes every op; otherwise a sample that moves through all programs.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultReport, OpPlace } from '../helpers/fault-run.js';
import { killAll } from '../helpers/processes.js';
import { repository } from '../helpers/run-command.js';
import { scenarioOf } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { ours } from '../helpers/tools.js';
import { victims } from '../helpers/victims.js';

const root = process.getuid?.() === 0 ? false : 'needs root: processes are frozen and pids chosen';
/** Ops besides the first one of every program. */
const SAMPLE = 24;
const PATIENCE_MS = 15_000;
const SETTLE_MS = 5000;
const script = join(repository, 'dist/test/helpers/fault-run.js');
const NAMES = ['threads-10', 'cow-tree'];

/** Runs one dump or restore with one failing op. The output goes to a file: a restored process would keep a pipe open. */
async function run(subject: Subject, words: readonly string[], place: OpPlace | null): Promise<FaultReport> {
  const where = place?.join(' ') ?? 'no fault';
  const all = [script, ...words, ...(place ?? []).map(String)];
  const done = await subject.call({ name: 'fault', command: process.execPath }, all, PATIENCE_MS);
  assert.ok(!done.timedOut, `${where}: hangs`);
  assert.equal(done.status, 0, `${where}: ${done.text}`);
  const report = JSON.parse(done.text.trim().split('\n').at(-1)!) as FaultReport;
  assert.ok(!report.error?.startsWith('NOT A'), `${where}: ${report.error}`);
  if (place === null) assert.equal(report.error, null);
  return report;
}

/** Which ops fail: all, or the first of every program and about SAMPLE others. Always the same ones, because a failure must be repeatable. */
function chosen({ ops }: FaultReport): readonly OpPlace[] {
  if (process.env['CRIU_TS_SWEEP'] === 'all') return ops;
  const step = Math.max(1, Math.floor(ops.length / SAMPLE));
  const seen = new Set<string>();
  return ops.filter(([program], i) => {
    const fresh = !seen.has(program);
    seen.add(program);
    return fresh || i % step === step - 1;
  });
}

/** Makes one op after the other fail, and looks at what is left. */
async function sweep(
  subject: Subject,
  words: () => readonly string[],
  after: (report: FaultReport, where: string) => Promise<void>,
): Promise<void> {
  const whole = await run(subject, words(), null);
  await after(whole, 'no fault');
  const missed = new Set(whole.ops.map(([program]) => program));
  for (const place of chosen(whole)) {
    const report = await run(subject, words(), place);
    await after(report, `${place.join(' ')} failed: ${report.error ?? 'no error'}`);
    if (report.hit) missed.delete(place[0]);
  }
  // Waiting is repeated as often as is needed, which is not always.
  for (const name of ['remote.wait', 'remote.look', 'remote.continue', 'freeze.settle']) missed.delete(name);
  assert.deepEqual([...missed], [], 'no op of these programs failed');
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

/** Mappings; what an abandoned arena leaves in a process of several threads is shared, anonymous, and known to be harmless (parasite.ts). */
function mapsOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.endsWith('/dev/zero (deleted)'));
}

interface Look {
  readonly pid: number;
  readonly threads: string[];
  readonly maps: string[];
}
const look = (pids: readonly number[]): Look[] => pids.map((pid) => ({ pid, threads: threadsOf(pid), maps: mapsOf(pid) }));

/** After a dump that failed tasks may still be healing themselves for a moment. */
async function assertUnharmed(pids: readonly number[], before: readonly Look[], where: string): Promise<void> {
  for (let waited = 0; ; waited += 10) {
    const now = look(pids);
    if (JSON.stringify(now) === JSON.stringify(before)) return;
    if (waited > SETTLE_MS) assert.deepEqual(now, before, where);
    await sleep(10);
  }
}

async function ready(name: string): Promise<{ subject: Subject; finish: () => Promise<void> }> {
  const subject = new Subject(`sweep-${name}`);
  const victim = victims().find((one) => one.name === name);
  assert.ok(victim, `no victim ${name}`);
  const scenario = scenarioOf(victim);
  await scenario.start(subject);
  return { subject, finish: () => scenario.finish(subject) };
}

describe('any op of a dump fails, and the target runs on unharmed', { skip: root }, () => {
  for (const name of NAMES)
    test(name, async () => {
      const { subject, finish } = await ready(name);
      try {
        const pids = subject.processes().map(({ pid }) => pid);
        const before = look(pids);
        let images = '';
        const words = (): readonly string[] => {
          images = mkdtempSync(join(subject.folder, 'images-'));
          return ['dump', String(subject.pid), images];
        };
        await sweep(subject, words, async ({ error, target }, where) => {
          if (error !== null) {
            assert.equal(target, 'running', where);
            assert.deepEqual(readdirSync(images), [], where);
          }
          await assertUnharmed(pids, before, where);
          rmSync(images, { recursive: true });
        });
        await finish();
      } finally {
        await subject.close();
      }
    });
});

/** What a restore may leave behind beside processes. */
function leftovers(subject: Subject): string[] {
  return [
    readFileSync('/proc/self/mounts', 'utf8'),
    ...readdirSync('/dev/shm'),
    ...readdirSync(subject.cwd, { recursive: true }).map(String),
  ];
}

describe('any op of a restore fails, and nothing is left', { skip: root }, () => {
  for (const name of NAMES)
    test(name, async () => {
      const { subject, finish } = await ready(name);
      try {
        await subject.dump(ours);
        await subject.waitGone('after the dump');
        const before = leftovers(subject);
        await sweep(
          subject,
          () => ['restore', subject.images],
          async ({ error, target }, where) => {
            if (error === null) return endTree(subject);
            assert.ok(target === 'destroyed' || target === 'not started', `${where}: target ${target}`);
            await subject.waitGone(where, [], SETTLE_MS);
            assert.deepEqual(leftovers(subject), before, where);
          },
        );
        await subject.restore(ours);
        await finish();
      } finally {
        await subject.close();
      }
    });
});

/** Ends a tree that was restored although an op failed. */
async function endTree(subject: Subject): Promise<void> {
  await killAll(subject.marks);
  await subject.waitGone('after it was killed');
}
