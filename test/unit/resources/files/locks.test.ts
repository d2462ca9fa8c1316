import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrError } from '../../../../core/errors.js';
import type { FileLockEntry } from '../../../../core/images/generated/files.js';
import { LOCK_KIND, readFileLocks } from '../../../../core/resources/files/locks.js';
import type { RestoreRun } from '../../../../core/restore/model.js';

const good: FileLockEntry = { flag: LOCK_KIND.posix, type: 1, pid: 42, fd: 3, start: 0n, len: 0n };

function read(...locks: FileLockEntry[]): Map<number, FileLockEntry[]> {
  const images = { exists: () => true, readAll: () => locks, pathOf: (name: string) => `/images/${name}` };
  return readFileLocks({ images, tasks: [{ kind: 'live', pid: 42 }] } as unknown as RestoreRun);
}

test('locks of images are sorted by process', () => {
  const lease = { ...good, flag: LOCK_KIND.lease, type: 4 | 2 };
  assert.deepEqual(read(good, lease), new Map([[42, [good, lease]]]));
});

test('impossible locks are refused', () => {
  const bad: readonly [Partial<FileLockEntry>, string][] = [
    [{ pid: 43 }, 'CR_IMAGE_BAD'],
    [{ flag: 3 }, 'CR_IMAGE_FEATURE'],
    [{ flag: 16 }, 'CR_IMAGE_FEATURE'],
    // Only a lease can be on its way to none, or be broken.
    [{ type: 2 }, 'CR_IMAGE_BAD'],
    [{ flag: LOCK_KIND.flock, type: 5 }, 'CR_IMAGE_BAD'],
    [{ flag: LOCK_KIND.lease, type: 3 }, 'CR_IMAGE_BAD'],
    [{ flag: LOCK_KIND.lease, type: 0xffff_ffff }, 'CR_IMAGE_BAD'],
  ];
  for (const [part, code] of bad)
    assert.throws(
      () => read({ ...good, ...part }),
      (error) => error instanceof CrError && error.code === code,
      JSON.stringify(part),
    );
});
