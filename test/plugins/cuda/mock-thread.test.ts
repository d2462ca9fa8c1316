/** The mock's restore thread: work is done by a thread of the target, reached through its pipes, and only while it may run. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { CU, STATE, hangs } from '../../../plugins/cuda/test/mock/caller.js';
import { MockRun } from '../../../plugins/cuda/test/mock/mock-run.js';

const mock = new MockRun();

function threadNames(pid: number): Map<number, string> {
  const names = readdirSync(`/proc/${pid}/task`).map(
    (tid) => [Number(tid), readFileSync(`/proc/${pid}/task/${tid}/comm`, 'latin1').trim()] as const,
  );
  return new Map(names);
}

test('cuInit starts a thread named cuda and hex digits; callers find that one and no other', async () => {
  await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('device');
  const names = threadNames(target.pid);
  const tid = await caller.restoreThread(target.pid);
  assert.match(names.get(tid) ?? '', /^cuda[0-9a-f]{8,12}$/);
  assert.deepEqual([...names.values()].filter((name) => /^cuda[0-9a-f]+$/.test(name)).length, 1);
  assert.ok([...names.values()].includes('cuda-EvtHandlr'));
  // Any thread id of the process leads to it: /proc has a folder for each.
  assert.equal(await caller.restoreThread(tid), tid);
});

test('a process without CUDA has no channel, nor has a child that was forked after cuInit, with the stale GPU descriptors it keeps', async () => {
  const gpus = await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('fork_without_exec');
  const child = target.childPid('child');
  for (const call of ['tid', 'state', 'lock', 'checkpoint', 'unlock'])
    assert.equal(await caller.code(`${call} ${child}`), CU.notInitialized, call);
  assert.equal(await caller.code(`tid ${process.pid}`), CU.notInitialized);
  for (const nobody of [0, -1, 0x3fffff]) assert.equal(await caller.code(`tid ${nobody}`), CU.operatingSystem);
  assert.ok(target.gpuDescriptors(gpus, child).length > 0);
  await caller.call(`lock ${target.pid}`);
  await caller.call(`checkpoint ${target.pid}`);
  assert.deepEqual(target.gpuDescriptors(gpus), []);
  assert.ok(target.gpuDescriptors(gpus, child).length > 0);
  assert.equal((await gpus.stats()).allocations, 0, 'device memory is freed, whoever still has the connection');
  for (const args of [['--get-restore-tid'], ['--get-state'], ['--action', 'lock']])
    assert.notEqual((await mock.tool([...args, '--pid', child])).status, 0, args.join(' '));
});

test('who may not trace the target gets 304', async () => {
  await mock.host();
  const root = await mock.caller();
  const nobody = await mock.caller(13000, ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all']);
  const target = await mock.target('device');
  assert.equal(await nobody.restoreThread(target.pid), await root.restoreThread(target.pid));
  for (const call of ['state', 'lock']) assert.equal(await nobody.code(`${call} ${target.pid}`), CU.operatingSystem, call);
  assert.equal(await root.state(target.pid), STATE.running);
});

test('pids are those of the caller: a target in a pid namespace of its own is reached from outside', async () => {
  await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('device', { under: ['unshare', '--pid', '--fork', '--kill-child'] });
  const [inside] = readFileSync(`/proc/${target.pid}/task/${target.pid}/children`, 'latin1').split(' ');
  assert.match(readFileSync(`/proc/${inside}/status`, 'latin1'), /^NSpid:\s+\d+\s+1$/m);
  for (const action of ['lock', 'checkpoint']) assert.equal(await caller.code(`${action} ${inside}`), CU.success);
  assert.equal(await caller.state(Number(inside)), STATE.checkpointed);
});

test('calls on a stopped target hang, a lock past its time limit, too; they are made in their order when it runs again', async () => {
  await mock.host();
  const [limited, behind, state] = [await mock.caller(), await mock.caller(), await mock.caller()];
  const target = await mock.target('device');
  await target.stop();
  assert.ok((await state.restoreThread(target.pid)) > 0);
  const lock = limited.code(`lock ${target.pid} 200`);
  assert.ok(await hangs(lock));
  const checkpoint = behind.code(`checkpoint ${target.pid}`);
  assert.ok(await hangs(checkpoint));
  process.kill(target.pid, 'SIGCONT');
  assert.equal(await lock, CU.success);
  assert.equal(await checkpoint, CU.success);
  assert.equal(await state.state(target.pid), STATE.checkpointed);
  await state.call('init');
  for (const action of ['restore', 'unlock']) assert.equal(await state.code(`${action} ${target.pid}`), CU.success);
  await target.finish();
});

test('with all threads stopped only the restore thread needs to run; the others do not move', async () => {
  await mock.host();
  const [tracer, caller] = [await mock.caller(), await mock.caller()];
  const target = await mock.target('counter');
  await caller.call('init');
  const tid = await caller.restoreThread(target.pid);
  await target.moves('main');
  await caller.call(`lock ${target.pid}`);
  // A locked process runs on until it calls the driver.
  await target.moves('main');
  await target.stands('calls');
  assert.equal(await tracer.code(`seize ${target.pid}`), 0);
  const counted = target.counters();
  const late = caller.code(`checkpoint ${target.pid}`);
  assert.ok(await hangs(late));
  assert.equal(await tracer.code(`wake ${tid}`), 0);
  assert.equal(await late, CU.success);
  assert.equal(await tracer.state(target.pid), STATE.checkpointed);
  assert.equal(await tracer.code(`halt ${tid}`), 0);
  const again = caller.state(target.pid);
  assert.ok(await hangs(again));
  assert.deepEqual(target.counters(), counted);
  await tracer.call(`wake ${tid}`);
  assert.equal(await again, STATE.checkpointed);
  await tracer.call('init');
  assert.equal(await tracer.code(`restore ${target.pid}`), CU.success);
  assert.equal(await tracer.code(`unlock ${target.pid}`), CU.success);
  await tracer.call(`halt ${tid}`);
  assert.deepEqual(target.counters(), counted);
  assert.equal(await tracer.code(`detach ${target.pid}`), 0);
  await target.moves('main');
  await target.moves('calls');
  await target.finish();
});
