import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adjusting, adjustmentsText, parseAdjustments, probing, type Operation } from '../../../../core/resources/ipc/undo.js';

/** semop(2) on one semaphore: all operations or none. */
function semop(state: { value: number; adjustment: number }, list: readonly Operation[]): 'ok' | 'EAGAIN' | 'ERANGE' {
  let { value, adjustment } = state;
  for (const { change, undo } of list) {
    assert.ok(change >= -32768 && change <= 32767, 'an operation is an i16');
    if (change === 0 && value !== 0) return 'EAGAIN';
    if (value + change < 0) return 'EAGAIN';
    if (value + change > 32767) return 'ERANGE';
    value += change;
    if (!undo) continue;
    adjustment -= change;
    if (adjustment < -32768 || adjustment > 32767) return 'ERANGE';
  }
  Object.assign(state, { value, adjustment });
  return 'ok';
}

const VALUES = [0, 1, 2, 100, 16384, 32766, 32767];
const ADJUSTMENTS = [1, -1, 2, 7, -300, 32766, 32767, -32766, -32767, -32768];

test('adjusting sets the adjustment and keeps the value', () => {
  for (const value of VALUES)
    for (const adjustment of ADJUSTMENTS) {
      const state = { value, adjustment: 0 };
      assert.equal(semop(state, adjusting(value, adjustment)), 'ok');
      assert.deepEqual(state, { value, adjustment });
    }
});

test('probing never succeeds, and fails by what the adjustment has room for', () => {
  for (const value of VALUES)
    for (const adjustment of [0, ...ADJUSTMENTS])
      for (const more of [1, 2, 32766, 32767, 32768, 40000, 65535]) {
        const expected = adjustment + more <= 32767 ? 'EAGAIN' : 'ERANGE';
        assert.equal(semop({ value, adjustment }, probing(value, more)), expected, `${value} ${adjustment} ${more}`);
      }
});

test('adjustments as text', () => {
  const list = [
    { set: 0, number: 3, adjustment: -32768 },
    { set: 98304, number: 0, adjustment: 5 },
  ];
  assert.deepEqual(parseAdjustments(adjustmentsText(list)), list);
  for (const bad of ['', '1.2', '1.2:0', '1.2:32768', '1.2:-32769', '-1.2:3', '1.2:3 x', '1.2:3  1.2:4'])
    assert.throws(() => parseAdjustments(bad), SyntaxError, bad);
});
