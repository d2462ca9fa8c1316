/** Processes of the mock that must be treated together: NCCL peers and jobs (gpu.md A.1.7, A.1.8). */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CU, STATE, hangs } from '../../../plugins/cuda/test/mock/caller.js';
import { MockRun } from '../../../plugins/cuda/test/mock/mock-run.js';

const mock = new MockRun();

async function members(group: string, count: number): Promise<number[]> {
  const pids = [];
  for (let i = 0; i < count; i++) pids.push((await mock.target('device', { environment: { FAKE_CUDA_GROUP: group } })).pid);
  return pids;
}

test('nccl: while one peer is locked alone, every call on another hangs until it is unlocked', async () => {
  const gpus = await mock.host();
  await gpus.command('nccl-grace 200');
  const [one, two] = [await mock.caller(), await mock.caller()];
  const [a = 0, b = 0] = await members('nccl:x', 2);
  assert.equal(await two.state(b), STATE.running);
  assert.equal(await one.code(`lock ${a}`), CU.success);
  const hanging = two.call(`state ${b}`);
  assert.ok(await hangs(hanging));
  assert.equal(await one.state(a), STATE.locked);
  assert.equal(await one.code(`unlock ${a}`), CU.success);
  assert.deepEqual(await hanging, { code: CU.success, value: String(STATE.running) });
});

test('nccl: a lock of a peer that comes too late gives 600 after its timeout', async () => {
  const gpus = await mock.host();
  await gpus.command('nccl-grace 100');
  const caller = await mock.caller();
  const [a = 0, b = 0] = await members('nccl:x', 2);
  assert.equal(await caller.code(`lock ${a}`), CU.success);
  assert.equal(await caller.code(`lock ${b} 200`), CU.notReady);
  assert.equal(await caller.code(`unlock ${a}`), CU.success);
  assert.equal(await caller.state(b), STATE.running);
});

test('nccl: locks that are asked for together are given together, and all the rest works', async () => {
  const gpus = await mock.host();
  await gpus.command('nccl-grace 20000');
  const callers = [await mock.caller(), await mock.caller(), await mock.caller()];
  const pids = await members('nccl:x', 3);
  const together = (action: string) => Promise.all(callers.map((caller, i) => caller.code(`${action} ${pids[i]}`)));
  await Promise.all(callers.map((caller) => caller.code('init')));
  for (const action of ['lock', 'checkpoint', 'restore', 'unlock']) assert.deepEqual(await together(action), [0, 0, 0], action);
});

test('job: no checkpoint before all are locked; restores in the order of the checkpoints', async () => {
  const gpus = await mock.host();
  const caller = await mock.caller();
  await caller.call('init');
  const [a = 0, b = 0, c = 0] = await members('job:x', 3);
  for (const pid of [a, b]) assert.equal(await caller.code(`lock ${pid}`), CU.success);
  assert.equal(await caller.code(`checkpoint ${a}`), CU.illegalState);
  assert.equal(await caller.state(a), STATE.locked);
  assert.equal(await caller.code(`lock ${c}`), CU.success);
  for (const pid of [b, c, a]) assert.equal(await caller.code(`checkpoint ${pid}`), CU.success);
  for (const pid of [a, c]) assert.equal(await caller.code(`restore ${pid}`), CU.illegalState);
  assert.equal(await caller.state(a), STATE.checkpointed);
  for (const pid of [b, c, a]) assert.equal(await caller.code(`restore ${pid}`), CU.success);
  for (const pid of [b, c, a]) assert.equal(await caller.code(`unlock ${pid}`), CU.success);
  const order = (await gpus.events()).filter(({ what, call }) => what === 'group' && call === 'checkpoint').map(({ pid }) => pid);
  assert.deepEqual(order, [a, b, c, a]);
  // A new round has a new order.
  for (const pid of [a, b, c]) assert.equal(await caller.code(`lock ${pid}`), CU.success);
  for (const pid of [a, b, c]) assert.equal(await caller.code(`checkpoint ${pid}`), CU.success);
  for (const pid of [a, b, c]) assert.equal(await caller.code(`restore ${pid}`), CU.success);
});

test('job: a job of one host keeps its order on another', async () => {
  const gpus = await mock.host();
  const caller = await mock.caller();
  const pids = await members('job:x', 2);
  for (const action of ['lock', 'checkpoint']) for (const pid of pids) assert.equal(await caller.code(`${action} ${pid}`), CU.success);
  await gpus.restart((await gpus.stats()).devices);
  const fresh = await mock.caller();
  await fresh.call('init');
  assert.equal(await fresh.code(`restore ${pids[1]}`), CU.illegalState);
  for (const pid of pids) {
    assert.equal(await fresh.code(`restore ${pid}`), CU.success);
    assert.equal(await fresh.code(`unlock ${pid}`), CU.success);
  }
});

test('job: a restore needs the job file as it was after the checkpoints', async () => {
  await mock.host();
  const folder = mkdtempSync(join(tmpdir(), 'cuda-job-'));
  try {
    const [file, old] = [join(folder, 'job'), join(folder, 'old')];
    writeFileSync(file, '');
    const caller = await mock.caller(13010);
    await caller.call('init');
    const target = await mock.target('device', { version: 13010, environment: { CUDA_CHECKPOINT_JOB_FILE: file } });
    copyFileSync(file, old);
    for (const action of ['lock', 'checkpoint']) assert.equal(await caller.code(`${action} ${target.pid}`), CU.success);
    const now = readFileSync(file);
    assert.notDeepEqual(now, readFileSync(old));
    copyFileSync(old, file);
    assert.equal(await caller.code(`restore ${target.pid}`), CU.operatingSystem);
    assert.equal(await caller.state(target.pid), STATE.checkpointed);
    writeFileSync(file, now);
    assert.equal(await caller.code(`restore ${target.pid}`), CU.success);
    // The file of an earlier round is none of this one.
    assert.equal(await caller.code(`checkpoint ${target.pid}`), CU.success);
    const later = readFileSync(file);
    writeFileSync(file, now);
    assert.equal(await caller.code(`restore ${target.pid}`), CU.operatingSystem);
    writeFileSync(file, later);
    assert.equal(await caller.code(`restore ${target.pid}`), CU.success);
    await caller.call(`unlock ${target.pid}`);
    await target.finish();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
