/** What the pre-flight makes of files that change under its eyes: the tree runs. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { Hooks } from '../../../../core/hooks.js';
import { ProcReader } from '../../../../core/kernel/procfs/reader.js';
import type { FileKind, SeenFile } from '../../../../core/resources/files/kind.js';
import { PreflightFiles } from '../../../../core/resources/files/preflight.js';

const OPTIONS = { shellJob: false, linkRemap: false, fileLocks: false, ghostLimit: 0, evasiveDevices: false };

/** Refusals of our own files, when one kind takes them all and says this about them. */
function refusals(refuse: (file: SeenFile) => string | null): string[] {
  const hooks = new Hooks();
  const kind = { name: 'all', type: 0, field: 'reg', claims: () => true, refuse } as unknown as FileKind;
  hooks.addFileKind(kind);
  return new PreflightFiles(new ProcReader(), OPTIONS, [process.pid], hooks).refusals(process.pid);
}

test('a file that is gone when its kind looks at it is no reason to refuse, and no failure', () => {
  assert.deepEqual(
    refusals(() => String(statSync('/nonexistent').ino)),
    [],
  );
});

test('what counts is there every time', () => {
  let looks = 0;
  assert.deepEqual(
    refusals(({ fd }) => (fd === 0 && looks++ === 0 ? 'is there once' : null)),
    [],
  );
  assert.deepEqual(
    refusals(({ fd }) => (fd === 0 ? 'stays' : null)),
    ['fd 0 stays'],
  );
});

test('any other failure is one', () => {
  assert.throws(() => refusals(() => statSync('/dev/null/x').dev.toString()), { code: 'ENOTDIR' });
});
