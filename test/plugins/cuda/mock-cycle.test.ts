/** The mock's CUDA process through lock, checkpoint, restore and unlock: states, device memory, GPU handles (gpu.md A.4.2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CU, STATE, type Caller } from '../../../plugins/cuda/test/mock/caller.js';
import { MIB } from '../../../plugins/cuda/test/mock/gpus.js';
import { MockRun } from '../../../plugins/cuda/test/mock/mock-run.js';
import type { CudaTarget } from '../../../plugins/cuda/test/mock/target.js';

const mock = new MockRun();

test('device memory goes to anonymous memory of the target and comes back, with all GPU handles', async () => {
  const gpus = await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('device', { arguments: [3, 2048] });
  const hash = await target.hash();
  const before = { used: (await gpus.stats()).devices[0]?.used, maps: target.mappings().length, anonymous: target.anonymousMemory() };
  assert.equal(before.used, 3 * 2 * MIB + 13 + 26);
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
  assert.ok(target.anonymousMemory() - before.anonymous >= 3 * 2 * MIB);
  assert.ok(target.mappings().some(isReservation), 'the reservation of address space stays');

  assert.equal(await caller.code(`restore ${target.pid}`), CU.success);
  assert.equal(await caller.state(target.pid), STATE.locked);
  assert.equal(target.mappings().length, before.maps);
  assert.ok(target.anonymousMemory() - before.anonymous < 2 * MIB);
  assert.equal((await gpus.stats()).devices[0]?.used, before.used);
  assert.equal(await caller.code(`unlock ${target.pid}`), CU.success);
  assert.equal(await caller.state(target.pid), STATE.running);
  assert.equal(await target.hash(), hash);
  await target.finish();
});

/** Several GiB without any access. */
function isReservation(mapping: string): boolean {
  const [, from = '0', to = '0', access = ''] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(mapping) ?? [];
  return access === '---p' && parseInt(to, 16) - parseInt(from, 16) >= 4 * 1024 * MIB;
}

const ACTIONS = ['lock', 'checkpoint', 'restore', 'unlock'] as const;
/** The one or two actions that are legal, by state; all others give 401 and change nothing. */
const WAYS = [
  { state: STATE.running, legal: ['lock'], next: 'lock' },
  { state: STATE.locked, legal: ['checkpoint', 'unlock'], next: 'checkpoint' },
  { state: STATE.checkpointed, legal: ['restore'], next: 'restore' },
  { state: STATE.locked, legal: ['checkpoint', 'unlock'], next: 'unlock' },
  { state: STATE.running, legal: ['lock'], next: 'lock' },
] as const;

async function refusesAllBut(caller: Caller, target: CudaTarget, state: number, legal: readonly string[]): Promise<void> {
  for (const action of ACTIONS.filter((one) => !legal.includes(one))) {
    assert.equal(await caller.code(`${action} ${target.pid}`), CU.illegalState, `${action} in state ${state}`);
    assert.equal(await caller.state(target.pid), state, `state after ${action}`);
  }
}

test('what is not legal in a state gives 401 and changes nothing', async () => {
  await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('device');
  await caller.call('init');
  for (const { state, legal, next } of WAYS) {
    assert.equal(await caller.state(target.pid), state);
    await refusesAllBut(caller, target, state, legal);
    assert.equal(await caller.code(`${next} ${target.pid}`), CU.success);
  }
  assert.equal(await caller.code(`unlock ${target.pid}`), CU.success);
  await target.finish();
});

test('a restore that runs out of device memory is for ever: restore gives 304 then, and unlock 401', async () => {
  const gpus = await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('device', { arguments: [4, 1024] });
  await caller.call('init');
  await caller.call(`lock ${target.pid}`);
  await caller.call(`checkpoint ${target.pid}`);
  await gpus.command(`memory 0 ${3 * MIB}`);
  assert.equal(await caller.code(`restore ${target.pid}`), CU.outOfMemory);
  assert.equal((await gpus.stats()).allocations, 0);
  // Nothing tells it from one that can come back.
  assert.equal(await caller.state(target.pid), STATE.checkpointed);
  await gpus.command(`memory 0 ${256 * MIB}`);
  assert.equal(await caller.code(`restore ${target.pid}`), CU.operatingSystem);
  assert.equal(await caller.code(`unlock ${target.pid}`), CU.illegalState);
  assert.equal(await caller.code(`lock ${target.pid}`), CU.illegalState);
  assert.equal(await caller.code(`checkpoint ${target.pid}`), CU.illegalState);
});

test('a restore needs cuInit in its caller, or persistence mode', async () => {
  const gpus = await mock.host();
  const [plain, initialised] = [await mock.caller(), await mock.caller()];
  const target = await mock.target('device');
  await plain.call(`lock ${target.pid}`);
  await plain.call(`checkpoint ${target.pid}`);
  assert.equal(await plain.code(`restore ${target.pid}`), CU.notInitialized);
  assert.equal(await plain.state(target.pid), STATE.checkpointed);
  await gpus.command('persistence-on');
  assert.equal(await plain.code(`restore ${target.pid}`), CU.success);
  await gpus.command('persistence-off');
  await plain.call(`checkpoint ${target.pid}`);
  await initialised.call('init');
  assert.equal(await initialised.code(`restore ${target.pid}`), CU.success);
  await plain.call(`unlock ${target.pid}`);
  await target.finish();
});

test('a process can be its own caller', async () => {
  await mock.host();
  const caller = await mock.caller();
  await caller.call('init');
  for (const action of ['lock', 'checkpoint', 'restore', 'unlock'])
    assert.equal(await caller.code(`${action} ${caller.pid}`), CU.success, action);
});
