import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RestoreTask } from '../../../core/restore/model.js';
import { CrError } from '../../../core/errors.js';
import { planBirths, type Birth } from '../../../core/pstree/plan-births.js';
import { makeHelper } from '../../../core/restore/helpers.js';
import { adoptShellJob } from '../../../core/restore/shell-job.js';

function task(pid: number, parent: RestoreTask | null, sid: number, pgid = sid, kind: 'live' | 'zombie' = 'live'): RestoreTask {
  const made: RestoreTask = { kind, pid, sid, pgid, parent, children: [], threads: [], core: null, mm: null, ids: null, pages: null };
  parent?.children.push(made);
  return made;
}
const external = { sid: 1, pgid: 1 };
const FREE = 900;
/** Counts down, as the kernel's numbers are given out from the other end. */
function plan(tasks: RestoreTask[]): Map<RestoreTask, Birth<RestoreTask>> {
  let next = FREE;
  const freePid = (used: ReadonlySet<number>) => {
    while (used.has(next)) next--;
    return next;
  };
  return planBirths(tasks, { external, freePid, makeHelper });
}
const pids = (tasks: readonly RestoreTask[]) => tasks.map((t) => t.pid);

test('a child of the session leader is forked after setsid', () => {
  const root = task(10, null, 10);
  const child = task(11, root, 10);
  const births = plan([root, child]);
  assert.equal(births.get(root)!.leadsSession, true);
  assert.deepEqual(pids(births.get(root)!.then), [11]);
});

test('a child that stayed in the old session of its parent is forked before setsid', () => {
  const root = task(10, null, 1, 1);
  const leader = task(11, root, 11);
  const old = task(12, leader, 1, 1);
  const births = plan([root, leader, old]);
  assert.deepEqual(pids(births.get(leader)!.first), [12]);
  assert.deepEqual(pids(births.get(leader)!.then), []);
});

test('a dead session leader gets a helper that forks its members as siblings', () => {
  const root = task(10, null, 10);
  const orphan = task(12, root, 11);
  const tasks = [root, orphan];
  const births = plan(tasks);
  assert.deepEqual(pids(tasks), [10, 11, 12]);
  const helper = tasks[1]!;
  assert.equal(helper.kind, 'helper');
  assert.equal(helper.parent, root);
  assert.deepEqual(pids(births.get(helper)!.then), [12]);
  assert.equal(births.get(orphan)!.asSibling, true);
  assert.equal(births.get(orphan)!.spawner, helper);
});

test('two orphans of one dead session share the helper', () => {
  const root = task(10, null, 10);
  const tasks = [root, task(12, root, 11), task(13, root, 11)];
  const births = plan(tasks);
  assert.deepEqual(pids(tasks), [10, 11, 12, 13]);
  assert.deepEqual(pids(births.get(tasks[1]!)!.then), [12, 13]);
});

test('a leader whose child stayed in the session of its grandparent was born before the setsid of its parent', () => {
  const root = task(10, null, 10);
  const [upper, other] = [task(11, root, 11), task(12, root, 12)];
  const lower = task(13, upper, 13);
  const stayed = task(14, lower, 10);
  const beside = task(15, other, 15);
  const between = task(16, beside, 12);
  const births = plan([root, upper, other, lower, stayed, beside, between]);
  assert.deepEqual(pids(births.get(root)!.then), [11, 12]);
  assert.deepEqual(pids(births.get(upper)!.first), [13]);
  assert.deepEqual(pids(births.get(lower)!.first), [14]);
  // Born in the session of its own parent, which leads it: after the setsid.
  assert.deepEqual(pids(births.get(other)!.then), [15]);
  assert.deepEqual(pids(births.get(beside)!.first), [16]);
});

for (const kind of ['live', 'zombie'] as const)
  test(`an orphan whose session is led by a ${kind} brother is forked by that one`, () => {
    const root = task(10, null, 10);
    const orphan = task(11, root, 12);
    const leader = task(12, root, 12, 12, kind);
    const tasks = [root, orphan, leader];
    const births = plan(tasks);
    assert.equal(tasks.length, 3);
    assert.deepEqual(pids(births.get(leader)!.then), [11]);
    assert.deepEqual(births.get(orphan)!.asSibling, true);
    assert.ok([...births.values()].every(({ adopts }) => !adopts));
  });

test('an orphan whose session is led by somebody further down is passed on by a helper that ends', () => {
  const root = task(10, null, 10);
  const above = task(11, root, 10);
  const leader = task(12, above, 12);
  const orphans = [task(13, root, 12), task(14, root, 12)];
  const tasks = [root, above, leader, ...orphans];
  const births = plan(tasks);
  assert.deepEqual(pids(tasks), [10, 11, 12, FREE, 13, 14]);
  const passer = births.get(tasks[3]!)!;
  assert.equal(passer.spawner, leader);
  assert.ok(passer.passesOn && !passer.leadsSession && !passer.asSibling);
  assert.deepEqual(pids(passer.then), [13, 14]);
  assert.equal(births.get(orphans[0]!)!.asSibling, false);
  assert.deepEqual(pids([...births.values()].filter(({ adopts }) => adopts).map((birth) => birth.task)), [10]);
});

test('orphans of one dead session with different parents: the helper is below the lowest, the others are passed on', () => {
  const root = task(10, null, 10);
  const reaper = task(11, root, 10);
  const tasks = [root, reaper, task(13, root, 12), task(14, reaper, 12)];
  const births = plan(tasks);
  assert.deepEqual(pids(tasks), [10, 11, 12, FREE, 13, 14]);
  const [, , helper, passer, upper, lower] = tasks.map((one) => births.get(one)!);
  assert.equal(helper!.spawner, reaper);
  assert.ok(helper!.leadsSession);
  assert.equal(lower!.spawner, helper!.task);
  assert.ok(lower!.asSibling);
  assert.equal(passer!.spawner, helper!.task);
  assert.equal(upper!.spawner, passer!.task);
});

test('the number of a helper is none that the tree has', () => {
  const root = task(10, null, 10);
  const above = task(11, root, 10);
  const tasks = [root, above, task(12, above, 12), task(13, root, 12), task(FREE, root, 10)];
  plan(tasks);
  assert.deepEqual(pids(tasks), [10, 11, 12, FREE - 1, 13, FREE]);
});

test('a session that no process above or below can have given is refused', () => {
  const root = task(10, null, 10);
  const [one, other] = [task(11, root, 11), task(12, root, 12)];
  const below = task(20, root, 21);
  const trees = [
    // Led by a cousin, and by a descendant.
    [root, one, other, task(13, other, 14), task(14, one, 14)],
    [root, below, task(21, below, 21)],
  ];
  for (const tree of trees)
    assert.throws(
      () => plan(tree),
      (error) => error instanceof CrError && error.code === 'CR_IMAGE_BAD' && /session/.test(error.message),
    );
});

test('a dead group leader gets a helper below a member', () => {
  const root = task(10, null, 10);
  const member = task(12, root, 10, 11);
  const tasks = [root, member];
  const births = plan(tasks);
  assert.deepEqual(pids(tasks), [10, 12, 11]);
  assert.equal(births.get(tasks[2]!)!.spawner, member);
  assert.equal(tasks[2]!.pgid, 11);
});

test('group and session outside of a shell job need no helper', () => {
  const root = task(10, null, 1, 1);
  const tasks = [root, task(11, root, 1, 1)];
  plan(tasks);
  assert.equal(tasks.length, 2);
});

test('a shell job takes our session and group, and keeps groups of its own', () => {
  const entries = [
    { pid: 10, sid: 5, pgid: 7 },
    { pid: 11, sid: 5, pgid: 7 },
    { pid: 12, sid: 5, pgid: 12 },
  ];
  adoptShellJob(entries, { sid: 100, pgid: 101 }, true);
  assert.deepEqual(entries, [
    { pid: 10, sid: 100, pgid: 101 },
    { pid: 11, sid: 100, pgid: 101 },
    { pid: 12, sid: 100, pgid: 12 },
  ]);
});

test('an outside session without --shell-job is refused and the option is named', () => {
  assert.throws(() => adoptShellJob([{ pid: 10, sid: 5, pgid: 5 }], { sid: 100, pgid: 101 }, false), /session 5.*outside/);
});
