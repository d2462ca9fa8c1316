import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilityNames, capabilityNumbers, fromWords, hasCapability, toWords } from '../../../../core/resources/capabilities.js';

test('a set goes into two words, the lowest first, and comes back', () => {
  const set = (1n << 0n) | (1n << 24n) | (1n << 31n) | (1n << 40n);
  assert.deepEqual(toWords(set), [0x81000001, 0x100]);
  assert.equal(fromWords(toWords(set)), set);
  assert.equal(fromWords([]), 0n);
  assert.equal(fromWords([7]), 7n);
});

test('words beyond the second must be empty', () => {
  assert.equal(fromWords([1, 0, 0]), 1n);
  assert.equal(fromWords([1, 0, 1]), null);
});

test('names and numbers', () => {
  const set = (1n << 24n) | (1n << 40n) | (1n << 41n);
  assert.deepEqual(capabilityNumbers(set), [24, 40, 41]);
  assert.equal(capabilityNames(set), 'CAP_SYS_RESOURCE, CAP_CHECKPOINT_RESTORE, CAP_41');
  assert.ok(hasCapability(set, 'SYS_RESOURCE'));
  assert.ok(!hasCapability(set, 'SYS_ADMIN'));
});
