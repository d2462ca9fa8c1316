import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CudaDevice } from '../../../plugins/cuda/src/backend.js';
import { parseDeviceMap, planDeviceMap } from '../../../plugins/cuda/src/device-map.js';
import { uuid } from './fake-backend.js';

const GIB = 2 ** 30;
const device = (n: number, name = 'H100', gib: number | null = 80): CudaDevice => ({
  uuid: uuid(n),
  name,
  totalMemory: gib === null ? null : gib * GIB,
});

function pairs(result: ReturnType<typeof planDeviceMap>): string {
  return 'problems' in result
    ? `problems: ${result.problems.join(' | ')}`
    : result.pairs.map(([old, now]) => `${Number(old.slice(-2))}>${Number(now.slice(-2))}`).join(' ');
}

test('the words of the option', () => {
  assert.equal(parseDeviceMap('auto'), 'auto');
  assert.equal(parseDeviceMap('ordinal'), 'ordinal');
  assert.deepEqual(parseDeviceMap(`0=1+${uuid(1).toUpperCase().replace('GPU', 'GPU')}=${uuid(2)}`), [
    [0, 1],
    [uuid(1), uuid(2)],
  ]);
  assert.throws(() => parseDeviceMap('GPU-1=0'), /"GPU-1" is no device/);
  assert.throws(() => parseDeviceMap('0'), /"0" is no pair/);
  assert.throws(() => parseDeviceMap('0=1=2'), /"0=1=2" is no pair/);
  assert.throws(() => parseDeviceMap(''), /0 pairs/);
});

test('the same devices need no list', () => {
  assert.equal(pairs(planDeviceMap([device(1), device(2)], [device(2), device(1), device(3)], 'auto')), '');
  assert.equal(pairs(planDeviceMap([device(1)], [device(1)], [[0, 0]])), '');
});

test('auto: devices that are there stay, the others go to the same model with enough memory', () => {
  assert.equal(pairs(planDeviceMap([device(1), device(2)], [device(3), device(1)], 'auto')), '1>1 2>3');
  // The large one must get the only large one, whatever the order.
  assert.equal(pairs(planDeviceMap([device(1, 'A', 40), device(2, 'A', 80)], [device(3, 'A', 80), device(4, 'A', 40)], 'auto')), '1>4 2>3');
});

test('auto: what does not fit is told with what there is', () => {
  assert.match(
    pairs(planDeviceMap([device(1, 'A')], [device(2, 'B')], 'auto')),
    /no device here for GPU-.*01 \(A, 80\.0 GiB\).*here are GPU-.*02 \(B, 80\.0 GiB\)/,
  );
  assert.match(pairs(planDeviceMap([device(1, 'A', 80)], [device(2, 'A', 40)], 'auto')), /no device here for/);
  assert.match(pairs(planDeviceMap([device(1)], [], 'auto')), /here are none/);
});

test('ordinal: by place', () => {
  assert.equal(pairs(planDeviceMap([device(1), device(2)], [device(4), device(3)], 'ordinal')), '1>4 2>3');
  assert.match(pairs(planDeviceMap([device(1), device(2)], [device(3)], 'ordinal')), /used 2 devices, here are 1/);
});

test('as told: by UUID and number; swaps are allowed', () => {
  const both = [device(1), device(2)];
  assert.equal(pairs(planDeviceMap(both, both, parseDeviceMap('0=1+1=0'))), '1>2 2>1');
  assert.equal(pairs(planDeviceMap(both, [device(3), device(4)], parseDeviceMap(`${uuid(1)}=${uuid(4)}+1=0`))), '1>4 2>3');
});

test('a map must be complete, one to one, and of devices that are there', () => {
  const both = [device(1), device(2)];
  assert.match(pairs(planDeviceMap(both, both, parseDeviceMap('0=0'))), /must name every device of the checkpoint.*missing: GPU-.*02/);
  assert.match(pairs(planDeviceMap(both, both, parseDeviceMap('0=0+1=0'))), /gives GPU-.*01 of this host to more than one/);
  assert.match(pairs(planDeviceMap(both, both, parseDeviceMap('0=0+0=1+1=1'))), /names GPU-.*01 of the checkpoint more than once/);
  assert.match(pairs(planDeviceMap(both, both, parseDeviceMap('0=0+1=7'))), /7 is no device of this host/);
  assert.match(pairs(planDeviceMap(both, both, parseDeviceMap(`0=0+${uuid(9)}=1`))), /09 is no device of the checkpoint/);
  assert.match(pairs(planDeviceMap([device(1, 'A')], [device(2, 'B')], parseDeviceMap('0=0'))), /only between devices of one model/);
  assert.match(pairs(planDeviceMap([device(1, 'A', 80)], [device(2, 'A', 40)], parseDeviceMap('0=0'))), /has less memory/);
});

test('sets of CRIU tell no devices: the UUIDs of the user are all there is', () => {
  assert.equal(pairs(planDeviceMap([], [device(2)], parseDeviceMap(`${uuid(1)}=0`))), '1>2');
  assert.match(pairs(planDeviceMap([], [device(2)], parseDeviceMap('0=0'))), /0 is no device of the checkpoint; it used none/);
});

test('a back end that cannot tell memory leaves it to the driver', () => {
  assert.equal(pairs(planDeviceMap([device(1, 'A', null)], [device(2, 'A', 40)], 'auto')), '1>2');
});
