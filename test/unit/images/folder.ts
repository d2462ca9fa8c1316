/** A folder of its own for each test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { CrError } from '../../../core/errors.js';

export function inFolder(work: (dir: string) => void): () => void {
  return () => {
    const dir = mkdtempSync(join(tmpdir(), 'criu-ts-images-'));
    try {
      work(dir);
    } finally {
      rmSync(dir, { recursive: true });
    }
  };
}

/** The CrError that `work` throws, after checking its code and text. */
export function refused(work: () => unknown, code: CrError['code'], text: RegExp): CrError {
  let caught: unknown;
  try {
    work();
  } catch (error) {
    caught = error;
  }
  assert.ok(caught instanceof CrError, `threw ${String(caught)}`);
  assert.equal(caught.code, code, caught.message);
  assert.match(caught.message, text);
  return caught;
}
