import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RestoreTask } from '../../../core/restore/model.js';
import { adoptShellJob, planBirths } from '../../../core/restore/sessions.js';

function task(pid: number, parent: RestoreTask | null, sid: number, pgid = sid, kind: 'live' | 'zombie' = 'live'): RestoreTask {
  const made: RestoreTask = { kind, pid, sid, pgid, parent, children: [], threads: [], core: null, mm: null, ids: null, pages: null };
  parent?.children.push(made);
  return made;
}
const external = { sid: 1, pgid: 1 };
const pids = (tasks: readonly RestoreTask[]) => tasks.map((t) => t.pid);

test('a child of the session leader is forked after setsid', () => {
  const root = task(10, null, 10);
  const child = task(11, root, 10);
  const births = planBirths([root, child], external);
  assert.equal(births.get(root)!.leadsSession, true);
  assert.deepEqual(pids(births.get(root)!.then), [11]);
});

test('a child that stayed in the old session of its parent is forked before setsid', () => {
  const root = task(10, null, 1, 1);
  const leader = task(11, root, 11);
  const old = task(12, leader, 1, 1);
  const births = planBirths([root, leader, old], external);
  assert.deepEqual(pids(births.get(leader)!.first), [12]);
  assert.deepEqual(pids(births.get(leader)!.then), []);
});

test('a dead session leader gets a helper that forks its members as siblings', () => {
  const root = task(10, null, 10);
  const orphan = task(12, root, 11);
  const tasks = [root, orphan];
  const births = planBirths(tasks, external);
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
  const births = planBirths(tasks, external);
  assert.deepEqual(pids(tasks), [10, 11, 12, 13]);
  assert.deepEqual(pids(births.get(tasks[1]!)!.then), [12, 13]);
});

test('a dead group leader gets a helper below a member', () => {
  const root = task(10, null, 10);
  const member = task(12, root, 10, 11);
  const tasks = [root, member];
  const births = planBirths(tasks, external);
  assert.deepEqual(pids(tasks), [10, 12, 11]);
  assert.equal(births.get(tasks[2]!)!.spawner, member);
  assert.equal(tasks[2]!.pgid, 11);
});

test('group and session outside of a shell job need no helper', () => {
  const root = task(10, null, 1, 1);
  const tasks = [root, task(11, root, 1, 1)];
  planBirths(tasks, external);
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
