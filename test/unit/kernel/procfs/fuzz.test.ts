import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzProcfs } from '../../../fuzz/procfs.js';

test('mutated texts give a result or a CrError with a path (test/fuzz/procfs.ts runs longer)', () => {
  const count = fuzzProcfs(20250702, 150);
  // Both sides must be reached, or the mutations are too weak or too strong.
  assert.ok(count.parsed > 500, `${count.parsed} parsed`);
  assert.ok(count.refused > 500, `${count.refused} refused`);
});
