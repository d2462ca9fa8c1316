/** The mock's CUDA process through lock, checkpoint, restore and unlock: states, device memory, GPU handles (gpu.md A.4.2). */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { CU, Caller, STATE } from '../../../plugins/cuda/test/mock/caller.js';
import { FakeGpus } from '../../../plugins/cuda/test/mock/gpus.js';
import { CudaTarget, type TargetOptions } from '../../../plugins/cuda/test/mock/target.js';

let gpus: FakeGpus;
let caller: Caller;
let targets: CudaTarget[];

beforeEach(async () => {
  targets = [];
  gpus = await FakeGpus.start();
  caller = await Caller.start(gpus);
});
afterEach(async () => {
  for (const target of targets) await target.close();
  await caller.close();
  await gpus.close();
});

async function start(name: string, options: TargetOptions = {}): Promise<CudaTarget> {
  const target = await CudaTarget.start(gpus, name, options);
  targets.push(target);
  return target;
}

test('device memory goes to anonymous memory of the target and comes back, with all GPU handles', async () => {
  const target = await start('device', { arguments: [3, 2048] });
  const hash = await target.hash();
  const before = { used: (await gpus.stats()).devices[0]?.used, maps: target.mappings().length, anonymous: target.anonymousMemory() };
  assert.equal(before.used, 3 * 2048 * 1024 + 13 + 26);
  assert.equal(target.gpuDescriptors(gpus).length, 4);
  assert.equal(await caller.code('init'), CU.success);

  assert.equal(await caller.code(`lock ${target.pid}`), CU.success);
  assert.equal(await caller.state(target.pid), STATE.locked);
  assert.equal(await caller.code(`checkpoint ${target.pid}`), CU.success);
  assert.equal(await caller.state(target.pid), STATE.checkpointed);
  const stats = await gpus.stats();
  assert.deepEqual([stats.devices[0]?.used, stats.allocations], [0, 0]);
  assert.deepEqual(
    stats.clients.map(({ pid }) => pid),
    [caller.pid],
  );
  assert.deepEqual(target.gpuDescriptors(gpus), []);
  assert.ok(target.anonymousMemory() - before.anonymous >= 3 * 2048 * 1024);
  const reserved = target.mappings().filter((line) => line.includes('---p') && line.split(' ').at(-1) === '');
  assert.ok(reserved.length > 0, 'the reservation of address space stays');

  assert.equal(await caller.code(`restore ${target.pid}`), CU.success);
  assert.equal(await caller.state(target.pid), STATE.locked);
  assert.equal(target.mappings().length, before.maps);
  assert.ok(target.anonymousMemory() - before.anonymous < 2048 * 1024);
  assert.equal((await gpus.stats()).devices[0]?.used, before.used);
  assert.equal(await caller.code(`unlock ${target.pid}`), CU.success);
  assert.equal(await caller.state(target.pid), STATE.running);
  assert.equal(await target.hash(), hash);
  await target.finish();
});
