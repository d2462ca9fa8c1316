import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../../../..');

function check(root: string): { status: number | null; text: string } {
  const done = spawnSync(process.execPath, [join(root, 'config/generate-images.mjs'), '--check'], { encoding: 'utf8' });
  return { status: done.status, text: done.stderr };
}

test('the generated files are what the generator makes of the schema', () => {
  assert.deepEqual(check(ROOT), { status: 0, text: '' });
});

test('the check notices an edited schema, an edited file and a file too many', () => {
  const copy = mkdtempSync(join(tmpdir(), 'criu-ts-generate-'));
  try {
    cpSync(join(ROOT, 'config/generate-images.mjs'), join(copy, 'config/generate-images.mjs'));
    for (const dir of ['schema', 'generated']) cpSync(join(ROOT, 'core/images', dir), join(copy, 'core/images', dir), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    assert.equal(check(copy).status, 0);
    writeFileSync(join(copy, 'core/images/generated/left.ts'), '');
    assert.match(check(copy).text, /left\.ts stale/);
    appendFileSync(join(copy, 'core/images/schema/task.proto'), 'message new_entry { required uint32 id = 1; }\n');
    const { status, text } = check(copy);
    assert.equal(status, 1);
    assert.match(text, /task\.ts, left\.ts stale/);
  } finally {
    rmSync(copy, { recursive: true });
  }
});
