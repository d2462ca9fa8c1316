import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshParts, halves } from '../../../core/resources/memory/fill.js';
import type { Handle } from '../../../core/restore/service-fds.js';

const source = 0 as Handle;
const PAGE = 4096;

test('fresh parts are what runs and new mappings have in common', () => {
  const runs = [
    { start: 0x10000, end: 0x14000, source, offset: 0 },
    { start: 0x20000, end: 0x22000, source, offset: 0x4000 },
  ];
  const made = [
    { start: 0x12000, end: 0x18000 },
    { start: 0x21000, end: 0x30000 },
  ];
  assert.deepEqual(freshParts(runs, made), [
    { source, offset: 0x2000, addr: 0x12000, length: 0x2000 },
    { source, offset: 0x5000, addr: 0x21000, length: 0x1000 },
  ]);
});

test('halves are cut at a page, lose nothing and add nothing', () => {
  for (const pages of [0, 1, 2, 3, 8, 17]) {
    const parts = Array.from({ length: pages }, (_, i) => ({
      source,
      offset: i * 3 * PAGE,
      addr: i * 9 * PAGE,
      length: ((i % 3) + 1) * PAGE,
    }));
    const { first, second } = halves(parts);
    const pagesOf = (list: typeof parts) =>
      list.flatMap(({ addr, offset, length }) => Array.from({ length: length / PAGE }, (_, i) => [addr + i * PAGE, offset + i * PAGE]));
    assert.deepEqual([...pagesOf(first), ...pagesOf(second)], pagesOf(parts));
    const difference = pagesOf(second).length - pagesOf(first).length;
    assert.ok(difference === 0 || difference === 1, `${difference} pages apart`);
  }
});
