import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KernelThread } from '../../core/kernel/kernel-thread.js';
import { scanPages } from '../../core/resources/memory/pagemap-scan.js';

const PAGE = 4096;

/** More regions than the kernel's own buffer (512) and than ours (8192) hold: both borders have been wrong places to go on from. */
for (const touched of [1, 511, 512, 513, 5000, 8191, 8192, 8193, 20000])
  test(`${touched} lone pages are found once each, in order`, () => {
    const thread = new KernelThread();
    try {
      const arena = thread.arena(touched * 2 * PAGE);
      for (let i = 0; i < touched; i++) arena.bytes[2 * i * PAGE] = 1;
      const start = arena.base;
      const { pages } = scanPages(thread, process.pid, [{ start, end: start + arena.size }]);
      // A page beside the arena may be found with it when the mapping was merged with a neighbour: look only inside.
      const inside = pages.filter((range) => range.start >= start && range.end <= start + arena.size);
      assert.equal(inside.length, touched);
      inside.forEach((range, i) => assert.deepEqual(range, { start: start + 2 * i * PAGE, end: start + (2 * i + 1) * PAGE }));
    } finally {
      thread.close();
    }
  });
