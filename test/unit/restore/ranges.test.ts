import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findHole } from '../../../core/resources/memory/place.js';
import { intersectRanges, subtractRanges } from '../../../core/resources/memory/ranges.js';

const r = (...pairs: [number, number][]) => pairs.map(([start, end]) => ({ start, end }));

test('intersection', () => {
  assert.deepEqual(intersectRanges(r([0, 10], [20, 30]), r([5, 25])), r([5, 10], [20, 25]));
  assert.deepEqual(intersectRanges(r([0, 10]), r([10, 20])), []);
  assert.deepEqual(intersectRanges(r([0, 100]), r([1, 2], [3, 4], [99, 200])), r([1, 2], [3, 4], [99, 100]));
});

test('difference', () => {
  assert.deepEqual(subtractRanges(r([0, 100]), r([10, 20], [30, 40])), r([0, 10], [20, 30], [40, 100]));
  assert.deepEqual(subtractRanges(r([0, 10], [20, 30]), r([5, 25])), r([0, 5], [25, 30]));
  assert.deepEqual(subtractRanges(r([0, 10]), r([0, 10])), []);
  assert.deepEqual(subtractRanges(r([0, 10], [12, 14]), r([20, 30])), r([0, 10], [12, 14]));
});

test('difference and intersection make the whole again', () => {
  let seed = 7;
  const next = (n: number) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % n;
  for (let round = 0; round < 200; round++) {
    const make = () => {
      const out: { start: number; end: number }[] = [];
      for (let at = next(5); at < 100;) {
        const end = at + 1 + next(9);
        out.push({ start: at, end });
        at = end + 1 + next(9);
      }
      return out;
    };
    const [a, b] = [make(), make()];
    const points = (list: readonly { start: number; end: number }[]) =>
      list.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
    const whole = [...points(intersectRanges(a, b)), ...points(subtractRanges(a, b))].sort((x, y) => x - y);
    assert.deepEqual(whole, points(a));
  }
});

test('a hole lies between what is used', () => {
  const first = findHole([], 4096);
  assert.equal(findHole(r([first, first + 4096]), 4096), first + 4096);
  assert.equal(findHole(r([first + 8192, first + 12288]), 8192), first);
  assert.equal(findHole(r([first + 4096, first + 12288]), 8192), first + 12288);
  assert.throws(() => findHole(r([first, 0x5fff_ffff_f000]), 1 << 20), /address space/);
});
