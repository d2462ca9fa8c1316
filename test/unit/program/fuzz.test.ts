import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildHost, fuzzVm } from '../../fuzz/vm.js';

/** CRIU_TS_FUZZ_ROUNDS makes it longer; see test/fuzz/vm.ts. */
const BATCHES = Number(process.env.CRIU_TS_FUZZ_ROUNDS ?? 25);

test('vm.c under sanitizers and the model do the same with every accepted program', () => {
  const folder = mkdtempSync(join(tmpdir(), 'criu-ts-vm-'));
  try {
    const { run, refused, failed } = fuzzVm(1, BATCHES, buildHost(folder));
    // Both sides of every check must have been reached, or the fuzzer tests nothing.
    assert.equal(run, BATCHES * 200);
    assert.ok(refused > run / 4 && refused < run * 20, `${refused} refused`);
    assert.ok(failed > run / 20 && failed < run, `${failed} failed`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
