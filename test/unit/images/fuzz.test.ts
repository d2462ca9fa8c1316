import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzImages } from '../../fuzz/images.js';

/** CRIU_TS_FUZZ_ROUNDS makes it longer; see test/fuzz/images.ts. */
const rounds = Number(process.env['CRIU_TS_FUZZ_ROUNDS'] ?? 60);

test('damaged images and damaged JSON give results or errors for users', () => {
  const { read, refused, encoded } = fuzzImages(1, rounds);
  const least = rounds * 3;
  assert.ok(read > least && refused > least && encoded > least, `read ${read}, refused ${refused}, encoded ${encoded}`);
});
