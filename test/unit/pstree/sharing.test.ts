/** Descriptor tables and folders go from who forks to who is forked: every tree is either planned or refused with both pids. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuseBirths } from '../../../core/dump/births.js';
import type { Stat } from '../../../core/kernel/procfs/stat.js';
import type { SharedIds } from '../../../core/pstree/model.js';

interface Made {
  readonly pid: number;
  readonly parent: Made | null;
  readonly stat: Stat;
  readonly ids: SharedIds;
}

function task(pid: number, parent: Made | null, files_id: number, fs_id: number, sid = 10): Made {
  return { pid, parent, stat: { pid, sid, pgrp: sid, state: 'S' } as Stat, ids: { files_id, fs_id } };
}
const refusal = (...tasks: Made[]) => refuseBirths(tasks, ({ ids }) => ids, false);

const root = task(10, null, 2, 2);

test('parent and child, and siblings, may share', () => {
  const [one, two] = [task(11, root, 3, 3), task(12, root, 3, 3)];
  assert.equal(refusal(root, one, two, task(13, two, 3, 4), task(14, root, 2, 2)), null);
});

test('a grandchild, a cousin and a nephew may not', () => {
  const [one, two] = [task(11, root, 3, 3), task(12, root, 4, 4)];
  assert.match(refusal(root, one, two, task(13, one, 2, 5))!.what, /descriptor table \(CLONE_FILES\) with pid 10, which it cannot get/);
  assert.match(refusal(root, one, two, task(13, one, 5, 4))!.what, /umask \(CLONE_FS\) with pid 12, which it cannot get/);
  assert.match(refusal(root, one, two, task(13, one, 6, 6), task(14, two, 6, 7))!.what, /CLONE_FILES\) with pid 13/);
});

test('a sibling in another session may not: it cannot be forked by the one, who leads that session', () => {
  const refused = refusal(root, task(11, root, 3, 3, 11), task(12, root, 3, 4));
  assert.deepEqual([refused?.pid, /with pid 11/.test(refused!.what)], [12, true]);
});

test('siblings that share one thing with each other and another with their parent', () => {
  // 12 would be forked by 11, which does not have the folders of the root.
  const refused = refusal(root, task(11, root, 3, 3), task(12, root, 3, 2));
  assert.deepEqual([refused?.pid, /CLONE_FILES\) with pid 11/.test(refused!.what)], [12, true]);
  assert.equal(refusal(root, task(11, root, 3, 2), task(12, root, 3, 2)), null);
});

test('an orphan that a helper forks shares nothing, not even with its parent', () => {
  // The leader of session 9 is gone, so a helper takes that number and forks 12 as its sibling.
  assert.equal(refusal(root, task(11, root, 3, 3), task(12, root, 4, 4, 9)), null);
  assert.match(refusal(root, task(11, root, 3, 3), task(12, root, 2, 4, 9))!.what, /CLONE_FILES\) with pid 10/);
  assert.match(refusal(root, task(11, root, 3, 3), task(12, root, 4, 3, 9))!.what, /CLONE_FS\) with pid 11/);
});

test('an orphan whose session leader is its brother is forked by it, and may share with it alone', () => {
  const leader = task(11, root, 3, 3, 11);
  assert.equal(refusal(root, leader, task(12, root, 3, 3, 11)), null);
  assert.match(refusal(root, leader, task(12, root, 2, 3, 11))!.what, /CLONE_FILES\) with pid 10/);
});

test('a session that cannot have come to where it is', () => {
  const [one, two] = [task(11, root, 3, 3), task(12, root, 4, 4)];
  const leader = task(13, one, 5, 5, 13);
  assert.match(
    refusal(root, one, two, leader, task(14, two, 6, 6, 13))!.what,
    /is in session 13, which it can have neither from its parent 12/,
  );
});

test('zombies share nothing', () => {
  const dead = { ...task(11, root, 0, 0), stat: { pid: 11, sid: 10, pgrp: 10, state: 'Z' } as Stat };
  assert.equal(
    refuseBirths([root, dead], (member) => (member === dead ? null : member.ids), false),
    null,
  );
});
