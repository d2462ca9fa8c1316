/** Which modules are checked before they run: those of a file of ours, by whatever URL Node calls it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { belongs, join, libraryFor } from '../../../core/config/code-source.js';

test('a file belongs with and without the mark that makes its import fresh', () => {
  // Node >= 22.15 names the parent of a require() in it without the query.
  join('file:///etc/criu/criu.config.cjs?criu-ts-code=1');
  assert.ok(belongs('file:///etc/criu/criu.config.cjs'));
  assert.ok(belongs('file:///etc/criu/criu.config.cjs?criu-ts-code=2'));
  assert.equal(libraryFor('file:///etc/criu/criu.config.cjs'), libraryFor('file:///etc/criu/criu.config.cjs?criu-ts-code=1'));
});

test('others do not', () => {
  assert.equal(belongs(undefined), false);
  assert.equal(belongs('file:///etc/criu/criu.config.cjs.bak'), false);
  join('data:text/javascript,1');
  assert.equal(belongs('data:text/javascript,1'), false);
});
