/** Stages of real dumps and restores: their order is that of the table, and a hook that fails at any of them leaves what a failure must leave. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHooks, dump, restore, STAGES, type DumpOptions, type Hooks, type Operation, type StageName } from '../../core/index.js';
import { KernelThread } from '../../core/kernel/kernel-thread.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-stages-'));
const children: ChildProcess[] = [];
const restored: number[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const pid of restored) if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
  rmSync(dir, { recursive: true });
});

/** A counter in a file, and an open pipe with data, so that a wrong register or descriptor shows. */
function counter(name: string): { pid: number; count: () => number; ended: Promise<unknown> } {
  const file = join(dir, name);
  const child = spawn('/bin/sh', ['-c', 'exec >"$0"; while :; do echo x; read -r _ </proc/uptime; done', file], {
    detached: true,
    stdio: 'ignore',
  });
  children.push(child);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return { pid: child.pid!, ended, count: () => (existsSync(file) ? readFileSync(file).length : 0) };
}

async function goesOn(count: () => number): Promise<boolean> {
  const before = count();
  for (let i = 0; i < 1500 && count() === before; i++) await sleep(10);
  return count() > before;
}

const isUntraced = (pid: number): boolean => /^State:\s*[RSD][^]*^TracerPid:\s*0$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

function imagesDir(name: string): string {
  const path = join(dir, name);
  mkdirSync(path);
  return path;
}

/** Notes every hook that is called. */
function record<O extends Operation>(operation: O): { hooks: Hooks; calls: string[]; names: StageName<O>[] } {
  const hooks = createHooks();
  const calls: string[] = [];
  const names = Object.keys(STAGES[operation]) as StageName<O>[];
  for (const name of names)
    for (const point of ['before', 'after', 'failed'] as const)
      hooks.stage(operation, name)[point].tap('test', ({ stage }) => void calls.push(`${point} ${stage}`));
  return { hooks, calls, names };
}

const bothOf = (names: readonly string[]): string[] => names.flatMap((name) => [`before ${name}`, `after ${name}`]);

test('dump and restore pass their stages in the order of the table', async () => {
  const victim = counter('order');
  const dumped = record('dump');
  const images = imagesDir('order-images');
  await dump({ pid: victim.pid, imagesDir: images, leaveRunning: true }, dumped.hooks);
  assert.deepEqual(dumped.calls, bothOf(dumped.names));

  const killed = record('dump');
  await dump({ pid: victim.pid, imagesDir: images }, killed.hooks);
  assert.deepEqual(killed.calls, bothOf(killed.names.filter((name) => name !== 'resumeDevices')));

  const back = record('restore');
  const { pid } = await restore({ imagesDir: images, detached: true }, back.hooks);
  restored.push(pid);
  assert.deepEqual(back.calls, bothOf(back.names));
  assert.ok(await goesOn(victim.count));
});

test('the stages that the table bounds by --timeout are those that arm the watchdog', async (context) => {
  const victim = counter('bounded');
  const spy = context.mock.method(KernelThread.prototype, 'arm');
  const hooks = createHooks();
  const armed: string[] = [];
  let calls = 0;
  for (const name of Object.keys(STAGES.dump) as StageName<'dump'>[])
    hooks.stage('dump', name).after.tap('test', ({ stage }) => {
      if (spy.mock.callCount() > calls) armed.push(stage);
      calls = spy.mock.callCount();
    });
  await dump({ pid: victim.pid, imagesDir: imagesDir('bounded-images'), leaveRunning: true }, hooks);
  const bounded = Object.entries(STAGES.dump).filter(([, { deadline }]) => deadline !== 'none');
  assert.deepEqual(
    armed,
    bounded.map(([name]) => name),
  );
});

test('with scripts the tree stands until they have seen it', async () => {
  const { pid } = counter('scripted');
  const dumped = record('dump');
  const script = join(dir, 'true.sh');
  writeFileSync(script, '#!/bin/sh\n', { mode: 0o755 });
  await dump({ pid, imagesDir: imagesDir('scripted-images'), leaveRunning: true, actionScripts: [script] }, dumped.hooks);
  const [cure, resume] = [dumped.calls.indexOf('after postDumpScript'), dumped.calls.indexOf('before resumeDevices')];
  assert.ok(cure >= 0 && cure < resume);
});

/** The failed hooks that must run when the `before` hook of `name` throws: all that were entered, last first. */
function failedFrom(calls: readonly string[]): string[] {
  const entered = calls.filter((call) => call.startsWith('before ')).map((call) => call.slice('before '.length));
  return entered.reverse().map((name) => `failed ${name}`);
}

for (const point of ['before', 'after'] as const) {
  test(`a dump whose ${point} hook fails, at every stage: the tree goes on, or its images are whole`, async () => {
    const { pid, count } = counter(`fails-${point}`);
    const images = imagesDir(`fails-${point}-images`);
    for (const name of record('dump').names) {
      const { hooks, calls } = record('dump');
      hooks.stage('dump', name)[point].tap('boom', () => {
        throw new Error(`boom ${name}`);
      });
      const options: DumpOptions = { pid, imagesDir: images, leaveRunning: true };
      await assert.rejects(dump(options, hooks), new RegExp(`boom ${name}`));
      assert.deepEqual(
        calls.filter((call) => call.startsWith('failed ')),
        failedFrom(calls),
      );
      assert.ok(isUntraced(pid), `${name}: traced or stopped`);
      assert.ok(await goesOn(count), `${name}: does not go on`);
      const whole = name === 'finish' && point === 'after';
      assert.equal(existsSync(join(images, 'inventory.img')), whole, name);
      if (!whole) assert.deepEqual(readdirSync(images), [], name);
    }
  });

  test(`a restore whose ${point} hook fails, at every stage: nothing is left, or the tree runs`, async () => {
    const { pid, count, ended } = counter(`comes-back-${point}`);
    const images = imagesDir(`comes-back-${point}-images`);
    await goesOn(count);
    await dump({ pid, imagesDir: images });
    await ended;
    const size = count();
    for (const name of record('restore').names) {
      const { hooks, calls } = record('restore');
      hooks.stage('restore', name)[point].tap('boom', () => {
        throw new Error(`boom ${name}`);
      });
      truncateSync(join(dir, `comes-back-${point}`), size);
      const work = restore({ imagesDir: images }, hooks);
      if (name === 'preResumeScript' || name === 'postResumeScript') {
        // Only logged: the tree is whole already.
        const { exited } = await work;
        assert.ok(await goesOn(count), name);
        process.kill(pid, 'SIGKILL');
        await exited?.();
        continue;
      }
      await assert.rejects(work, new RegExp(`boom ${name}`));
      assert.deepEqual(
        calls.filter((call) => call.startsWith('failed ')),
        failedFrom(calls),
      );
      assert.equal(existsSync(`/proc/${pid}`), false, `${name}: a process is left`);
    }
  });
}

test('a kind of file that is attached from outside takes what built-in kinds do not', async () => {
  const { pid, count } = counter('claimed');
  assert.ok(await goesOn(count), 'the program did not come up');
  const asked: string[] = [];
  const hooks = createHooks();
  hooks.claims.claimFile.tap({ name: 'spy', before: 'eventfd' }, (file) => void asked.push(file.link));
  await dump({ pid, imagesDir: imagesDir('claimed-images'), leaveRunning: true }, hooks);
  assert.ok(asked.includes('/dev/null') && asked.includes(join(dir, 'claimed')), asked.join());
});
