/** The mock's lock: it drains work, blocks new calls at a gate, and gives up after its timeout. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CU, STATE } from '../../../plugins/cuda/test/mock/caller.js';
import { MockRun } from '../../../plugins/cuda/test/mock/mock-run.js';

const mock = new MockRun();

test('a lock waits for the running kernel and the host function behind it', async () => {
  await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('device', { arguments: [1, 16, 600] });
  const hash = await target.hash();
  await target.launch();
  assert.equal(await caller.code(`lock ${target.pid}`), CU.success);
  assert.equal(target.lines('CALLBACK').length, 1);
  await caller.call('init');
  await caller.call(`checkpoint ${target.pid}`);
  await caller.call(`restore ${target.pid}`);
  await caller.call(`unlock ${target.pid}`);
  assert.notEqual(await target.hash(), hash, 'the kernel has added to the buffer');
  await target.finish();
});

test('a lock whose timeout is shorter than the kernel gives 600; the process is RUNNING and its calls go on', async () => {
  await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('device', { arguments: [1, 16, 3000] });
  await target.launch();
  assert.equal(await caller.code(`lock ${target.pid} 100`), CU.notReady);
  assert.equal(await caller.state(target.pid), STATE.running);
  assert.equal(target.lines('CALLBACK').length, 0, 'the kernel still runs');
  // A call of the driver that waits for the kernel comes back: the gate is open again.
  await target.hash();
  assert.equal(await caller.code(`lock ${target.pid} 5000`), CU.success);
  await caller.call(`unlock ${target.pid}`);
  await target.finish();
});

test('a GPU goes on while the threads of its process are stopped', async () => {
  const gpus = await mock.host();
  const target = await mock.target('device', { arguments: [1, 16, 1500] });
  await target.launch();
  await target.stop();
  const ended = async (): Promise<boolean> => (await gpus.events()).some(({ what, pid }) => what === 'kernel' && pid === target.pid);
  for (let i = 0; i < 1000 && !(await ended()); i++) await sleep(10);
  assert.ok(await ended());
  assert.equal(target.lines('CALLBACK').length, 0, 'the host function is of the stopped process');
  process.kill(target.pid, 'SIGCONT');
  await target.finish();
  assert.equal(target.lines('CALLBACK').length, 1);
});

test('calls block at the gate from lock to unlock, also through a checkpoint', async () => {
  await mock.host();
  const caller = await mock.caller();
  const target = await mock.target('counter');
  await caller.call('init');
  await target.moves('calls');
  for (const action of ['lock', 'checkpoint', 'restore']) {
    await caller.call(`${action} ${target.pid}`);
    await target.stands('calls');
    await target.moves('main');
  }
  await caller.call(`unlock ${target.pid}`);
  await target.moves('calls');
  await target.finish();
});
