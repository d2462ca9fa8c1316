/** Which GPUs the mock's target comes back on: device maps, other hosts, nodes that are missing, and what attaching costs. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CU, STATE, type Caller } from '../../../plugins/cuda/test/mock/caller.js';
import { MIB, uuidOf, type FakeDevice } from '../../../plugins/cuda/test/mock/gpus.js';
import { MockRun } from '../../../plugins/cuda/test/mock/mock-run.js';
import type { CudaTarget, TargetOptions } from '../../../plugins/cuda/test/mock/target.js';

const mock = new MockRun();

const devices = (...numbers: number[]): FakeDevice[] => numbers.map((n) => ({ uuid: uuidOf(n) }));
const map = (...pairs: [number, number][]): string => pairs.map(([from, to]) => `${uuidOf(from)}=${uuidOf(to)}`).join(',');

/** A checkpointed target with memory on two devices. */
async function checkpointed(options: TargetOptions = {}): Promise<{ caller: Caller; target: CudaTarget; hash: string }> {
  const caller = await mock.caller();
  const target = await mock.target('device', { arguments: [4, 64, 0, 2], ...options });
  const hash = await target.hash();
  await caller.call('init');
  await caller.call(`lock ${target.pid}`);
  await caller.call(`checkpoint ${target.pid}`);
  return { caller, target, hash };
}

test('a device map is a complete bijection of all GPUs of the target, or gives 1 and changes nothing', async () => {
  const gpus = await mock.host(devices(1, 2, 3));
  // The program uses two of three; the driver has seen three.
  const { caller, target, hash } = await checkpointed({ environment: { CUDA_VISIBLE_DEVICES: '0,1' } });
  await gpus.restart(devices(1, 2, 3, 4));
  const fresh = await mock.caller();
  assert.equal(await caller.code(`restore ${target.pid} ${map([1, 1], [2, 2])}`), CU.invalidValue, 'only the visible ones');
  await fresh.call('init');
  const wrong = [
    map([1, 1], [2, 2], [3, 2]),
    map([1, 1], [1, 2], [3, 3]),
    map([1, 1], [2, 2], [3, 9]),
    map([1, 1], [2, 2], [9, 3]),
    map([1, 1], [2, 2], [3, 3], [4, 4]),
  ];
  for (const pairs of wrong) {
    assert.equal(await fresh.code(`restore ${target.pid} ${pairs}`), CU.invalidValue, pairs);
    assert.equal(await fresh.state(target.pid), STATE.checkpointed);
  }
  assert.equal(await fresh.code(`restore ${target.pid} ${map([1, 2], [2, 4], [3, 3])}`), CU.success);
  const used = (await gpus.stats()).devices.map((device) => device.used > 0);
  assert.deepEqual(used, [false, true, false, true]);
  await fresh.call(`unlock ${target.pid}`);
  assert.equal(await target.hash(), hash);
  // From now on it is on the new ones.
  await fresh.call(`lock ${target.pid}`);
  await fresh.call(`checkpoint ${target.pid}`);
  assert.equal(await fresh.code(`restore ${target.pid} ${map([1, 1], [2, 2], [3, 3])}`), CU.invalidValue);
  assert.equal(await fresh.code(`restore ${target.pid} ${map([2, 4], [4, 2], [3, 3])}`), CU.success, 'a swap');
  await fresh.call(`unlock ${target.pid}`);
  await target.finish();
});

test('identity pairs may be given or left out', async () => {
  await mock.host(devices(1, 2));
  const { caller, target } = await checkpointed();
  assert.equal(await caller.code(`restore ${target.pid} ${map([1, 1], [2, 2])}`), CU.success);
  await caller.call(`checkpoint ${target.pid}`);
  assert.equal(await caller.code(`restore ${target.pid}`), CU.success);
  await caller.call(`unlock ${target.pid}`);
  await target.finish();
});

test('on a host with other GPUs a restore needs a map, to GPUs of the same type', async () => {
  const gpus = await mock.host(devices(1, 2));
  const { target, hash } = await checkpointed();
  await gpus.restart([...devices(5, 6), { uuid: uuidOf(7), name: 'Fake A100' }]);
  const caller = await mock.caller();
  await caller.call('init');
  assert.equal(await caller.code(`restore ${target.pid}`), CU.invalidValue);
  assert.equal(await caller.code(`restore ${target.pid} ${map([1, 5], [2, 7])}`), CU.invalidValue);
  assert.equal(await caller.code(`restore ${target.pid} ${map([1, 6], [2, 5])}`), CU.success);
  await caller.call(`unlock ${target.pid}`);
  assert.equal(await target.hash(), hash);
  await target.finish();
});

test("a node that is missing in the target's root gives 801, and the restore may be tried again", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cuda-nodes-'));
  const node = (n: number): string => join(folder, `nvidia${n}`);
  try {
    [1, 2, 3].forEach((n) => writeFileSync(node(n), ''));
    const gpus = await mock.host([1, 2].map((n) => ({ uuid: uuidOf(n), node: node(n) })));
    const { target } = await checkpointed();
    rmSync(node(3));
    await gpus.restart([1, 2, 3].map((n) => ({ uuid: uuidOf(n), node: node(n) })));
    const caller = await mock.caller();
    await caller.call('init');
    assert.equal(await caller.code(`restore ${target.pid} ${map([1, 3], [2, 2])}`), CU.notSupported);
    assert.deepEqual(target.gpuDescriptors(gpus), []);
    assert.equal(await caller.state(target.pid), STATE.checkpointed);
    assert.equal(await caller.code(`restore ${target.pid}`), CU.success);
    await caller.call(`unlock ${target.pid}`);
    await target.finish();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('nodes that a process cannot see are GPUs that it does not have', async () => {
  const gpus = await mock.host([{ uuid: uuidOf(1) }, { uuid: uuidOf(2), node: '/nowhere/nvidia1' }]);
  const caller = await mock.caller();
  await caller.call('init');
  assert.deepEqual(await caller.call('retain'), { code: CU.success, value: '1' });
  assert.deepEqual(
    (await gpus.stats()).devices.map(({ attaches }) => attaches),
    [1, 0],
  );
});

test('a lost daemon is no GPU: the restore gives 100 and may be tried again', async () => {
  const gpus = await mock.host(devices(1, 2));
  const { caller, target } = await checkpointed();
  await gpus.halt();
  assert.equal(await caller.code(`restore ${target.pid}`), CU.noDevice);
  await gpus.restart(devices(1, 2));
  assert.equal(await caller.code(`restore ${target.pid}`), CU.success);
  await caller.call(`unlock ${target.pid}`);
  await target.finish();
});

test('attaching costs what it is set to, for each process that does it', async () => {
  const gpus = await mock.host(devices(1, 2));
  await gpus.command('attach-ms 0 300');
  const caller = await mock.caller();
  const begin = performance.now();
  await caller.call('init');
  const first = performance.now() - begin;
  await caller.call('init');
  assert.ok(first >= 300);
  const attaches = (await gpus.events()).filter(({ what }) => what === 'attach');
  assert.deepEqual(
    attaches.map(({ pid, device }) => [pid, device]),
    [
      [caller.pid, 0],
      [caller.pid, 1],
    ],
  );
});

test('device memory has a limit, also for a program', async () => {
  await mock.host([{ uuid: uuidOf(1), memory: 2 * MIB }]);
  await assert.rejects(mock.target('device', { arguments: [3, 1024] }), /CUresult 2/);
});

test('a host that does not come up leaves nothing behind', async () => {
  const [before, folder] = [process.env['TMPDIR'], mkdtempSync(join(tmpdir(), 'cuda-tmp-'))];
  process.env['TMPDIR'] = folder;
  try {
    await assert.rejects(mock.host([{ uuid: 'no uuid' }]), /did not start/);
    assert.deepEqual(readdirSync(folder), []);
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(folder, { recursive: true });
  }
});
