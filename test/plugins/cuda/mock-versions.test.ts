/** What the mock's driver has, by version (gpu.md A.1.4, A.1.5). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CU } from '../../../plugins/cuda/test/mock/caller.js';
import { uuidOf } from '../../../plugins/cuda/test/mock/gpus.js';
import { MockRun } from '../../../plugins/cuda/test/mock/mock-run.js';

const mock = new MockRun();

const PROCESS_CALLS = ['GetRestoreThreadId', 'GetState', 'Lock', 'Checkpoint', 'Restore', 'Unlock'].map(
  (name) => `cuCheckpointProcess${name}`,
);
const COMPLETE = 'cuCheckpointOperationComplete';
/** Status words of cuGetProcAddress: found, no such symbol, symbol newer than the version asked for. */
const [FOUND, ABSENT, TOO_NEW] = ['0 found', '1 null', '2 null'];

for (const [version, six, complete] of [
  [12040, false, false],
  [12050, false, false],
  [12080, true, false],
  [13000, true, false],
  [13030, true, false],
  [13040, true, true],
] as const) {
  test(`symbols of ${version}`, async () => {
    await mock.host();
    const caller = await mock.caller(version);
    assert.deepEqual(await caller.call('version'), { code: CU.success, value: String(version) });
    for (const name of PROCESS_CALLS) {
      assert.equal((await caller.call(`symbol ${name}`)).value, six ? 'present' : 'absent', name);
      assert.equal((await caller.call(`proc ${name} 13040`)).value, six ? FOUND : ABSENT, name);
      assert.equal((await caller.call(`proc ${name} 12040`)).value, six ? TOO_NEW : ABSENT, name);
    }
    assert.equal((await caller.call(`symbol ${COMPLETE}`)).value, complete ? 'present' : 'absent');
    assert.equal((await caller.call(`proc ${COMPLETE} 13040`)).value, complete ? FOUND : ABSENT);
    assert.equal((await caller.call('proc cuMemAlloc 12040')).value, FOUND);
    for (const name of ['cuMemAlloc', 'cuMemAlloc_v2']) assert.equal((await caller.call(`symbol ${name}`)).value, 'present', name);
    assert.equal((await caller.call('proc cuNoSuchCall 13040')).value, ABSENT);
  });
}

test('a field that a version does not have must be zero', async () => {
  await mock.host();
  for (const [version, pairsAllowed] of [
    [12080, false],
    [13000, true],
  ] as const) {
    const caller = await mock.caller(version);
    const target = await mock.target('device', { version });
    await caller.call('init');
    await caller.call(`lock ${target.pid}`);
    assert.equal(await caller.code(`checkpoint-raw ${target.pid} 0`), CU.invalidValue);
    assert.equal(await caller.code(`checkpoint-raw ${target.pid} 63`), CU.invalidValue);
    assert.equal(await caller.code(`checkpoint-raw ${target.pid} 64`), CU.success, 'all zero');
    for (const offset of [16, 24, 63])
      assert.equal(await caller.code(`restore-raw ${target.pid} ${offset}`), CU.invalidValue, String(offset));
    const pairs = `${uuidOf(1)}=${uuidOf(1)}`;
    assert.equal(await caller.code(`restore ${target.pid} ${pairs}`), pairsAllowed ? CU.success : CU.invalidValue);
    if (!pairsAllowed) await caller.call(`restore ${target.pid}`);
    await caller.call(`unlock ${target.pid}`);
    await target.finish();
  }
});
