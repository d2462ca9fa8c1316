/** A number for a helper: one that the kernel gives out as late as possible, because somebody else may ask for a number before we have taken it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { ProcReader } from '../../../core/kernel/procfs/reader.js';
import { clearOf, freePid, ownPid } from '../../../core/restore/pids.js';

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

const filled = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
for (const [what, used, last, expected] of [
  ['numbers that the tree needs are far away', [5000, 400], 1000, 1000],
  ['one is among the next', [1064], 1000, 1064],
  ['the next but one is not', [1065], 1000, 1000],
  ['the tree has many in a row', filled(990, 1300), 1000, 1300],
  ['they have a gap that is wide enough', [...filled(990, 1300), ...filled(1365, 1500)], 1000, 1300],
  ['that gap is too narrow', [...filled(990, 1300), ...filled(1364, 1500)], 1000, 1500],
  ['the last numbers are used up', [MAX - 20, 700], MAX - 64, 700],
  ['there is no room', filled(300, MAX - 1), 1000, null],
] as const)
  test(`the next threads get numbers that no tree needs: ${what}`, () => {
    assert.equal(clearOf(used, 64, { last, max: MAX }), expected);
  });

test('numbers that we have ourselves are told apart from those of others', () => {
  const proc = new ProcReader();
  assert.equal(ownPid(proc, [1, process.ppid]), null);
  assert.match(String(ownPid(proc, [1, process.pid])?.message), /is criu-ts itself/);
  const thread = readdirSync('/proc/self/task')
    .map(Number)
    .find((tid) => tid !== process.pid)!;
  const error = ownPid(proc, [1, thread]);
  assert.equal(error?.code, 'CR_PID_OWN');
  assert.match(String(error?.message), /is a thread of criu-ts itself \(.+\)/);
});
