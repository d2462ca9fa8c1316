import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { resolveDumpOptions, resolveRestoreOptions } from '../../core/options.js';
import { CRIU_TS_VERSION, versionText } from '../../core/version.js';

test('defaults are those of CRIU', () => {
  const dump = resolveDumpOptions({ pid: 5, imagesDir: '/x' });
  assert.equal(dump.workDir, '/x');
  assert.equal(dump.timeoutMs, 10_000);
  assert.equal(dump.ghostLimit, 1 << 20);
  assert.equal(dump.verbosity, 2);
  assert.equal(dump.fileValidation, 'buildid');
  assert.equal(resolveRestoreOptions({}).imagesDir, '.');
  assert.equal(resolveRestoreOptions({ fileValidation: 'filesize' }).fileValidation, 'filesize');
});

test('options that cannot work are refused before anything happens', () => {
  for (const pid of [0, -1, 1.5, NaN, 2 ** 31]) assert.throws(() => resolveDumpOptions({ pid }), /cannot be a process id/);
  assert.throws(() => resolveDumpOptions({ pid: 5, leaveRunning: true, leaveStopped: true }), /contradict/);
  assert.throws(() => resolveRestoreOptions({ sibling: true }), /needs --restore-detached/);
});

test('the version is that of package.json, and its first line is what clients of CRIU parse', () => {
  const pkg = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
  assert.equal(CRIU_TS_VERSION, pkg.version);
  assert.match(versionText(), /^Version: \d+\.\d+\n/);
});
