import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrError } from '../../core/errors.js';
import { ProcReader } from '../../core/kernel/procfs/reader.js';
import { checkPrivileges, missingCapabilities } from '../../core/privileges.js';

const PTRACE = 1n << 19n;
const ADMIN = 1n << 21n;
const CHECKPOINT_RESTORE = 1n << 40n;

test('what is missing is named; one capability can stand in for another', () => {
  assert.deepEqual(missingCapabilities('dump', 0n), ['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE']);
  assert.deepEqual(missingCapabilities('dump', PTRACE | ADMIN), []);
  assert.deepEqual(missingCapabilities('dump', PTRACE | CHECKPOINT_RESTORE), []);
  assert.deepEqual(missingCapabilities('restore', PTRACE | ADMIN), ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP', 'CAP_KILL']);
  // CAP_SYS_RESOURCE (24) is never needed: root in a container often lacks it.
  assert.deepEqual(missingCapabilities('restore', (2n ** 41n - 1n) & ~(1n << 24n)), []);
});

test('a process without rights is refused before anything happens', () => {
  const nowhere = new ProcReader('/nonexistent');
  assert.throws(
    () => checkPrivileges(nowhere, 'restore', 'not started'),
    (error) =>
      error instanceof CrError && error.code === 'CR_NO_PERMISSION' && error.target === 'not started' && /CAP_SETUID/.test(error.message),
  );
});
