/** Descriptor tables and folders that neither parent and child nor siblings share are refused, with both pids, before the tree is killed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSharers, type Sharer } from '../../core/dump/sharers.js';

const task = (pid: number, parent: number, files_id: number, fs_id: number, sid = 10): Sharer => ({ pid, parent, sid, files_id, fs_id });

test('parent and child, and siblings, may share', () => {
  checkSharers([task(10, 0, 2, 2), task(11, 10, 3, 3), task(12, 10, 3, 3), task(13, 12, 3, 4), task(14, 10, 2, 2)]);
});

test('others may not', () => {
  const root = [task(10, 0, 2, 2), task(11, 10, 3, 3), task(12, 10, 4, 4)];
  assert.throws(
    () => checkSharers([...root, task(13, 11, 2, 5)]),
    /pid 13.*descriptor table \(CLONE_FILES\) with pid 10, which is neither/s,
  );
  assert.throws(() => checkSharers([...root, task(13, 11, 5, 4)]), /pid 13.*umask \(CLONE_FS\) with pid 12, which is neither/s);
  assert.throws(() => checkSharers([...root, task(13, 10, 4, 5, 13)]), /pid 13.*with pid 12/s);
});
