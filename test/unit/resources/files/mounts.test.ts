/** On which mount a path lies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MountInfo } from '../../../../core/kernel/procfs/mountinfo.js';
import { hasOption, isReadOnlyFs, mountOf } from '../../../../core/resources/files/mounts.js';

const mount = (id: number, mountPoint: string, options = 'rw,relatime', superOptions = 'rw'): MountInfo => ({
  id,
  parent: 1,
  devMajor: 0,
  devMinor: id,
  root: '/',
  mountPoint,
  options,
  optional: [],
  fsType: 'tmpfs',
  source: 'none',
  superOptions,
});

test('the deepest mount point on the way, and of several there the last', () => {
  const list = [mount(1, '/'), mount(2, '/a'), mount(3, '/a/b'), mount(4, '/a'), mount(5, '/a/bc')];
  const idOf = (path: string) => mountOf(list, path)?.id;
  assert.deepEqual(['/', '/x', '/a', '/a/x', '/ab', '/a/b/c', '/a/bc', '/a/bcd'].map(idOf), [1, 1, 4, 4, 1, 3, 5, 4]);
  assert.equal(mountOf(list.slice(1), '/x'), null);
});

test('options are whole words', () => {
  assert.ok(hasOption(mount(1, '/', 'ro,noexec'), 'noexec'));
  assert.ok(!hasOption(mount(1, '/', 'rw,noexecute'), 'noexec'));
  assert.ok(!hasOption(mount(1, '/', 'rw,errors=ro'), 'ro'));
  assert.ok(isReadOnlyFs(mount(1, '/', 'rw', 'ro,size=1k')));
  assert.ok(!isReadOnlyFs(mount(1, '/', 'ro', 'rw,errors=remount-ro')));
});
