/** Custom storage of the mock (CUDA 13.4, gpu.md A.1.9): device memory stays on the device until its caller has copied it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CU, STATE } from '../../../plugins/cuda/test/mock/caller.js';
import { MIB, uuidOf } from '../../../plugins/cuda/test/mock/gpus.js';
import { MockRun } from '../../../plugins/cuda/test/mock/mock-run.js';

const mock = new MockRun();
const folder = mkdtempSync(join(tmpdir(), 'cuda-storage-'));
const file = join(folder, 'memory');
after(() => rmSync(folder, { recursive: true }));

const VERSION = 13040;
const TWO_DEVICES = [{ uuid: uuidOf(1) }, { uuid: uuidOf(2) }];

test('memory goes from device to storage and back, and never through the target', async () => {
  const gpus = await mock.host(TWO_DEVICES);
  const caller = await mock.caller(VERSION);
  const target = await mock.target('device', { version: VERSION, arguments: [4, 4096, 0, 2] });
  const hash = await target.hash();
  const [anonymous, size] = [target.anonymousMemory(), 16 * MIB + 13 + 26 + 39];
  await caller.call('init');
  assert.deepEqual(await caller.call('retain'), { code: CU.success, value: '2' });
  await caller.call(`lock ${target.pid}`);
  assert.deepEqual(await caller.call(`store ${target.pid} ${file}`), { code: CU.success, value: `2 ${size}` });
  assert.equal(await caller.state(target.pid), STATE.checkpointing);
  assert.equal((await gpus.stats()).allocations, 4);
  for (const call of ['lock', 'checkpoint', 'restore', 'unlock'])
    assert.equal(await caller.code(`${call} ${target.pid}`), CU.illegalState, call);
  assert.equal(await caller.code('complete'), CU.success);
  assert.equal(await caller.state(target.pid), STATE.checkpointed);
  assert.deepEqual([(await gpus.stats()).allocations, target.gpuDescriptors(gpus)], [0, []]);
  assert.ok(target.anonymousMemory() - anonymous < MIB);
  assert.equal(statSync(file).size, size);
  assert.equal(await caller.code('complete'), CU.invalidValue, 'the handle is used up');

  assert.equal(await caller.code(`restore ${target.pid}`), CU.invalidValue, 'the target has no copy');
  const swap = `${uuidOf(1)}=${uuidOf(2)},${uuidOf(2)}=${uuidOf(1)}`;
  assert.equal(await caller.code(`load ${target.pid} ${file} ${swap}`), CU.success);
  assert.equal(await caller.state(target.pid), STATE.restoring);
  assert.equal(await caller.code(`unlock ${target.pid}`), CU.illegalState);
  assert.equal(await caller.code('complete'), CU.success);
  assert.equal(await caller.state(target.pid), STATE.locked);
  assert.equal(await caller.code(`unlock ${target.pid}`), CU.success);
  assert.equal(await target.hash(), hash);
  await target.finish();
});

test('the caller must hold the primary context of every device of the target, and cannot be the target', async () => {
  await mock.host(TWO_DEVICES);
  const caller = await mock.caller(VERSION);
  const target = await mock.target('device', { version: VERSION });
  await caller.call(`lock ${target.pid}`);
  assert.equal(await caller.code(`store ${target.pid} ${file}`), CU.notInitialized);
  await caller.call('init');
  assert.equal(await caller.code(`store ${target.pid} ${file}`), CU.invalidContext);
  assert.equal(await caller.state(target.pid), STATE.locked);
  await caller.call('retain');
  assert.equal(await caller.code(`store ${caller.pid} ${file}`), CU.notSupported);
  assert.equal(await caller.code(`store ${target.pid} ${file}`), CU.success);
});

test('when the caller dies before it has completed, the target stays CHECKPOINTING', async () => {
  await mock.host();
  const [caller, other] = [await mock.caller(VERSION), await mock.caller(VERSION)];
  const target = await mock.target('device', { version: VERSION });
  for (const line of ['init', 'retain', `lock ${target.pid}`, `store ${target.pid} ${file}`])
    assert.equal(await caller.code(line), CU.success, line);
  await caller.close();
  assert.equal(await other.state(target.pid), STATE.checkpointing);
  assert.equal(await other.code('complete'), CU.invalidValue);
  assert.equal(await other.code(`unlock ${target.pid}`), CU.illegalState);
});
