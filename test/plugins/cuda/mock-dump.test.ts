/** The mock's targets under our own dump and restore, the driver called by hand: what a plugin has to do, and what happens without it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CU, STATE, type Caller } from '../../../plugins/cuda/test/mock/caller.js';
import { uuidOf } from '../../../plugins/cuda/test/mock/gpus.js';
import { MockRun } from '../../../plugins/cuda/test/mock/mock-run.js';
import type { CudaTarget } from '../../../plugins/cuda/test/mock/target.js';
import { ours } from '../../helpers/tools.js';

const mock = new MockRun();

async function checkpoint(caller: Caller, pid: number): Promise<void> {
  for (const action of ['lock', 'checkpoint']) assert.equal(await caller.code(`${action} ${pid}`), CU.success, `${action} ${pid}`);
}

async function resume(caller: Caller, pid: number, map = ''): Promise<void> {
  assert.equal(await caller.code('init'), CU.success);
  for (const action of [`restore ${pid} ${map}`, `unlock ${pid}`]) assert.equal(await caller.code(action), CU.success, action);
}

async function dumpAndRestore(target: CudaTarget): Promise<void> {
  await target.subject.dump(ours);
  await target.subject.waitGone('after the dump');
  await target.subject.restore(ours);
}

test('a process that holds GPUs cannot be dumped, and goes on', async () => {
  const gpus = await mock.host();
  const target = await mock.target('device');
  const hash = await target.hash();
  await assert.rejects(target.subject.dump(ours), /socket/);
  assert.equal(target.gpuDescriptors(gpus).length, 4);
  assert.equal(await target.hash(), hash);
  await target.finish();
});

test('a checkpointed process is dumped, restored on a host with other GPUs, and finds its device memory', async () => {
  const gpus = await mock.host();
  const target = await mock.target('device', { arguments: [3, 512] });
  const hash = await target.hash();
  await checkpoint(await mock.caller(), target.pid);
  await gpus.restart([{ uuid: uuidOf(5) }, { uuid: uuidOf(6) }]);
  await dumpAndRestore(target);
  const caller = await mock.caller();
  assert.equal(await caller.state(target.pid), STATE.checkpointed);
  await resume(caller, target.pid, `${uuidOf(1)}=${uuidOf(6)}`);
  assert.equal(await target.hash(), hash);
  // And once more, from where it is now.
  await checkpoint(caller, target.pid);
  await dumpAndRestore(target);
  await resume(await mock.caller(), target.pid);
  assert.equal(await target.hash(), hash);
  await target.finish();
});

test('a caller that is blocked at the gate is dumped in it, and goes on after the unlock', async () => {
  await mock.host();
  const target = await mock.target('counter');
  await checkpoint(await mock.caller(), target.pid);
  await target.stands('calls');
  await dumpAndRestore(target);
  await target.moves('main');
  await target.stands('calls');
  await resume(await mock.caller(), target.pid);
  await target.moves('calls');
  await target.finish();
});

test('a tree of processes with and without CUDA', async () => {
  await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('tree', { arguments: [2, 'same'] });
  assert.equal(await caller.code(`tid ${target.childPid('cpu')}`), CU.notInitialized);
  const pids = [target.pid, target.childPid('gpu-1'), target.childPid('gpu-2')];
  for (const pid of pids) await checkpoint(caller, pid);
  await dumpAndRestore(target);
  const fresh = await mock.caller();
  for (const pid of pids) await resume(fresh, pid);
  await target.finish();
});

test('a child that was forked after cuInit keeps its parent from being dumped, although that is checkpointed', async () => {
  await mock.host();
  const target = await mock.target('fork_without_exec');
  await checkpoint(await mock.caller(), target.pid);
  await assert.rejects(target.subject.dump(ours), /socket/);
});
