/** Texts for the parsers: fixtures are captured from Linux 6.18, or written by hand where that host has nothing to show. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CrError } from '../../../../core/errors.js';
import { type FileLock, parseLockLine } from '../../../../core/kernel/procfs/locks.js';
import { type ProcText } from '../../../../core/kernel/procfs/reader.js';
import { ByteScanner } from '../../../../core/kernel/procfs/scanner.js';

/** Sources stay where they are, compiled tests run in dist/. */
const FIXTURES = join(import.meta.dirname, '../../../../../test/unit/kernel/procfs/fixtures');

export function fixture(name: string): ProcText {
  return { bytes: readFileSync(join(FIXTURES, name)), path: `/proc/fixture/${name}` };
}

/** Text given as latin1, so that a test can write any byte as \xNN. */
export function textOf(latin1: string, path = '/proc/1/test'): ProcText {
  return { bytes: Buffer.from(latin1, 'latin1'), path };
}

/** The text of a fixture with a change. */
export function changed(name: string, change: (latin1: string) => string): ProcText {
  return textOf(change(Buffer.from(fixture(name).bytes).toString('latin1')), `/proc/fixture/${name}`);
}

/** A text of nothing but lines of locks, such as /proc/locks. */
export function parseLocks(text: ProcText): FileLock[] {
  const s = new ByteScanner(text.bytes, text.path);
  const out: FileLock[] = [];
  while (!s.done) {
    out.push(parseLockLine(s));
    s.nextLine();
  }
  return out;
}

/** Asserts a CR_KERNEL that names the path, and an offset if one is given. */
export function assertRefused(parse: () => unknown, message: RegExp, offset?: number): void {
  assert.throws(parse, (error: unknown) => {
    assert.ok(error instanceof CrError, String(error));
    assert.equal(error.code, 'CR_KERNEL');
    assert.match(error.message, /^\/proc\//);
    assert.match(error.message, message);
    if (offset !== undefined) assert.equal(error.subject.offset, offset);
    return true;
  });
}
