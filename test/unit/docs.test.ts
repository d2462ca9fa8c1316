import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { repository } from '../helpers/run-command.js';

test('the reference pages say what the tables say', () => {
  const done = spawnSync(process.execPath, ['config/generate-docs.mjs', '--check'], { cwd: repository, encoding: 'utf8' });
  assert.equal(done.stderr, '');
  assert.equal(done.status, 0);
});
