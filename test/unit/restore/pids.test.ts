/** A number for a helper: one that the kernel gives out as late as possible, because somebody else may ask for a number before we have taken it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcReader } from '../../../core/kernel/procfs/reader.js';
import { freePid } from '../../../core/restore/pids.js';

const MAX = 32768;
const FIRST = 300;
/** How many numbers the kernel gives out before this one. */
const ahead = (last: number, pid: number) => (pid > last ? pid - last : pid - FIRST + MAX - last);

for (const last of [400, 301, 1500, 20_000, MAX - 2, MAX - 1])
  test(`after ${last} it is given out late, is nobody's and not among the used ones`, () => {
    const used = new Set<number>();
    for (let i = 0; i < 5; i++) {
      const pid = freePid(new ProcReader(), used, { last, max: MAX });
      assert.ok(pid >= FIRST && pid < MAX, `${pid} is no number that the kernel gives out`);
      assert.ok(!used.has(pid), `${pid} is used`);
      assert.ok(ahead(last, pid) > MAX / 2, `${pid} comes ${ahead(last, pid)} after ${last}`);
      assert.throws(() => process.kill(pid, 0), /ESRCH/);
      used.add(pid);
    }
  });

test('none is free', () => {
  const used = new Set(Array.from({ length: 100 }, (_, i) => FIRST + i));
  assert.throws(() => freePid(new ProcReader(), used, { last: 350, max: FIRST + 100 }), /no pid is free/);
});
