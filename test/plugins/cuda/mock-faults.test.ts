/** What goes wrong in the mock on request, and callers that die in the middle of a call. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CU, STATE } from '../../../plugins/cuda/test/mock/caller.js';
import { MockRun } from '../../../plugins/cuda/test/mock/mock-run.js';

const mock = new MockRun();

test('a caller killed with half of the answer read shifts the stream: all later calls give 304', async () => {
  const gpus = await mock.host();
  const [first, second] = [await mock.caller(), await mock.caller()];
  const target = await mock.target('device');
  await gpus.killCaller('lock', 'answer');
  assert.equal(await first.outcome(`lock ${target.pid}`), 'dead');
  for (const call of ['state', 'unlock', 'state']) assert.equal(await second.code(`${call} ${target.pid}`), CU.operatingSystem, call);
});

test('a checkpoint whose caller was killed completes by itself, and the next callers get answers of their own', async () => {
  const gpus = await mock.host();
  const [first, second] = [await mock.caller(), await mock.caller()];
  const target = await mock.target('device');
  const hash = await target.hash();
  await first.call(`lock ${target.pid}`);
  await gpus.killCaller('checkpoint', 'request');
  assert.equal(await first.outcome(`checkpoint ${target.pid}`), 'dead');
  assert.equal(await second.state(target.pid), STATE.checkpointed);
  await second.call('init');
  assert.equal(await second.code(`restore ${target.pid}`), CU.success);
  assert.equal(await second.state(target.pid), STATE.locked);
  assert.equal(await second.code(`unlock ${target.pid}`), CU.success);
  assert.equal(await target.hash(), hash);
});

test('a thread that hangs does so for all callers, whatever time limit a lock has', async () => {
  const gpus = await mock.host();
  const [first, second, third] = [await mock.caller(), await mock.caller(), await mock.caller()];
  const target = await mock.target('device');
  await gpus.hang('unlock');
  await first.call(`lock ${target.pid}`);
  assert.equal(await first.outcome(`unlock ${target.pid}`), 'hangs');
  assert.equal(await second.outcome(`state ${target.pid}`), 'hangs');
  assert.equal(await third.outcome(`lock ${target.pid} 100`), 'hangs');
});

test('a thread that has crashed hangs its caller, and later callers find no CUDA', async () => {
  const gpus = await mock.host();
  const [first, second] = [await mock.caller(), await mock.caller()];
  const target = await mock.target('device');
  await gpus.crash('lock', 'thread');
  assert.equal(await first.outcome(`lock ${target.pid}`), 'hangs');
  assert.equal(await second.code(`state ${target.pid}`), CU.notInitialized);
});

test('a target that crashes in a call gives 304', async () => {
  const gpus = await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('device');
  await gpus.crash('lock', 'process');
  assert.equal(await caller.code(`lock ${target.pid}`), CU.operatingSystem);
  assert.equal(await target.subject.exitStatus(), 'SIGILL');
});

test('the nth call from now fails: without being made, or although it was', async () => {
  const gpus = await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('device');
  await gpus.fail('get-state', 2, 999);
  await gpus.fail('lock', 1, CU.operatingSystem);
  await gpus.fail('checkpoint', 1, CU.notSupported, 'after');
  assert.equal(await caller.state(target.pid), STATE.running);
  assert.equal(await caller.code(`state ${target.pid}`), 999);
  assert.equal(await caller.code(`lock ${target.pid}`), CU.operatingSystem);
  assert.equal(await caller.state(target.pid), STATE.running);
  assert.equal(await caller.code(`lock ${target.pid}`), CU.success);
  assert.equal(await caller.code(`checkpoint ${target.pid}`), CU.notSupported);
  assert.equal(await caller.state(target.pid), STATE.checkpointed);
  const recorded = (await gpus.events()).filter(({ what, target: pid }) => what === 'end' && pid === target.pid);
  assert.deepEqual(
    recorded.map(({ call, code }) => [call, code]),
    [
      ['init', 0],
      ['get-state', 0],
      ['get-state', 999],
      ['lock', 304],
      ['get-state', 0],
      ['lock', 0],
      ['checkpoint', 801],
      ['get-state', 0],
    ],
  );
});

test('without GPUs cuInit gives 100', async () => {
  const gpus = await mock.host();
  const caller = await mock.caller();
  await gpus.halt();
  assert.equal(await caller.code('init'), CU.noDevice);
});

test('a fault in cuInit', async () => {
  const gpus = await mock.host();
  const caller = await mock.caller();
  await gpus.fail('init', 1, CU.operatingSystem);
  assert.equal(await caller.code('init'), CU.operatingSystem);
  assert.equal(await caller.code('init'), CU.success);
});
