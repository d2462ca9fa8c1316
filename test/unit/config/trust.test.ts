import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkTrusted, readTrusted } from '../../../core/config/trust.js';
import { CrError } from '../../../core/errors.js';

const skip = process.geteuid?.() === 0 ? false : 'needs root (chown)';
const root = mkdtempSync(join(tmpdir(), 'criu-ts-trust-'));
after(() => rmSync(root, { recursive: true }));

/** Anybody but root. */
const OTHER = 65534;
let made = 0;

/** A new folder `a/b` with a file in it. */
function tree(): { top: string; folder: string; file: string } {
  const top = join(root, String(made++));
  const folder = join(top, 'b');
  const file = join(folder, 'criu.config.json');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, '{}');
  for (const [path, mode] of [
    [top, 0o755],
    [folder, 0o755],
    [file, 0o644],
  ] as const)
    chmodSync(path, mode);
  return { top, folder, file };
}

function refusal(path: string): CrError {
  try {
    checkTrusted(path, 'configuration');
  } catch (error) {
    assert.ok(error instanceof CrError, String(error));
    assert.throws(() => readTrusted(path, 'configuration', 100), CrError);
    return error;
  }
  assert.fail(`trusted: ${path}`);
}

test('ours in folders of ours is trusted and read', { skip }, () => {
  const { file, folder } = tree();
  assert.equal(checkTrusted(file, 'x'), file);
  assert.equal(checkTrusted(folder, 'x'), folder);
  assert.deepEqual(readTrusted(file, 'x', 2), { path: file, bytes: Buffer.from('{}') });
});

type Change = (at: ReturnType<typeof tree>) => string;
const REFUSED: Record<string, [Change, RegExp, RegExp]> = {
  'a file of somebody else': [
    ({ file }) => (chownSync(file, OTHER, 0), file),
    /b\/criu\.config\.json: belongs to user 65534: the configuration/,
    /chown -h 0 .*\.json$/,
  ],
  'a file that its group can write': [
    ({ file }) => (chmodSync(file, 0o664), file),
    /\.json: can be written by its group/,
    /chmod go-w .*\.json$/,
  ],
  'a file that everybody can write': [
    ({ file }) => (chmodSync(file, 0o646), file),
    /\.json: can be written by everybody/,
    /chmod go-w .*\.json$/,
  ],
  'a folder of somebody else': [
    ({ folder, file }) => (chownSync(folder, OTHER, 0), file),
    /\/b: belongs to user 65534/,
    /chown -h 0 .*\/b$/,
  ],
  'a folder that its group can write': [
    ({ folder, file }) => (chmodSync(folder, 0o775), file),
    /\/b: can be written by its group/,
    /chmod go-w .*\/b$/,
  ],
  'a folder above that everybody can write': [
    ({ top, file }) => (chmodSync(top, 0o777), file),
    /\/\d+: can be written by everybody/,
    /chmod go-w .*\/\d+$/,
  ],
  'a folder above of somebody else': [({ top, file }) => (chownSync(top, OTHER, 0), file), /\/\d+: belongs to user 65534/, /chown -h 0/],
  'a sticky folder of somebody else above': [
    ({ top, file }) => (chownSync(top, OTHER, 0), chmodSync(top, 0o1777), file),
    /\/\d+: belongs to user 65534/,
    /chown/,
  ],
  'a file right in a sticky folder': [
    ({ folder, file }) => (chmodSync(folder, 0o1777), file),
    /\/b: can be written by everybody/,
    /move it .*install -D -m 644 .*\.json \/etc\/criu\//,
  ],
  'a sticky folder itself': [({ folder }) => (chmodSync(folder, 0o1777), folder), /\/b: can be written by everybody/, /./],
  "somebody else's link to our file": [
    ({ top, file }) => {
      const link = join(top, 'link');
      symlinkSync(file, link);
      lchownSync(link, OTHER, 0);
      return link;
    },
    /\/link: belongs to user 65534/,
    /chown -h 0 .*\/link$/,
  ],
  "our link to somebody else's file": [
    ({ top, file }) => {
      chownSync(file, OTHER, 0);
      symlinkSync('b/../b/./criu.config.json', join(top, 'link'));
      return join(top, 'link');
    },
    /b\/criu\.config\.json: belongs to user 65534: the configuration .*\/link is not run/,
    /chown/,
  ],
  'our link into a folder that others can write': [
    ({ top, folder }) => {
      chmodSync(folder, 0o777);
      symlinkSync(folder, join(top, 'link'));
      return join(top, 'link/criu.config.json');
    },
    /\/b: can be written by everybody/,
    /chmod/,
  ],
};

for (const [name, [change, message, hint]] of Object.entries(REFUSED)) {
  test(`refused: ${name}`, { skip }, () => {
    const error = refusal(change(tree()));
    assert.equal(error.code, 'CR_NO_PERMISSION');
    assert.match(error.message, message);
    assert.match(error.hint, hint);
  });
}

test('a sticky folder on the way is no reason: nobody can replace what is ours in it', { skip }, () => {
  const { top, file } = tree();
  chmodSync(top, 0o1777);
  assert.equal(checkTrusted(file, 'x'), file);
});

test('links of ours are followed to the end', { skip }, () => {
  const { top, folder, file } = tree();
  symlinkSync(folder, join(top, 'absolute'));
  symlinkSync('absolute/../b', join(top, 'relative'));
  assert.equal(checkTrusted(join(top, 'relative/criu.config.json'), 'x'), file);
  symlinkSync('loop', join(top, 'loop'));
  const error = refusal(join(top, 'loop'));
  assert.deepEqual([error.code, error.kernel?.errno], ['CR_USAGE', 'ELOOP']);
});

test('what is missing, no file, or too big', { skip }, () => {
  const { top, file, folder } = tree();
  assert.equal(refusal(join(top, 'none')).kernel?.errno, 'ENOENT');
  assert.equal(refusal(join(file, 'x')).kernel?.errno, 'ENOTDIR');
  assert.throws(() => readTrusted(folder, 'configuration', 100), /is not a regular file/);
  assert.throws(() => readTrusted('/dev/null', 'configuration', 100), CrError);
  assert.throws(() => readTrusted(file, 'configuration', 1), /has 2 bytes; a configuration has at most 1/);
  // Its size is said to be 0.
  assert.throws(() => readTrusted('/proc/self/maps', 'configuration', 100), /has more than 100 bytes/);
});

test('no descriptor stays open', { skip }, () => {
  const { file, folder } = tree();
  const before = readdirSync('/proc/self/fd').length;
  checkTrusted(file, 'x');
  readTrusted(file, 'x', 100);
  chmodSync(folder, 0o777);
  refusal(file);
  refusal(join(folder, 'none'));
  assert.equal(readdirSync('/proc/self/fd').length, before);
});
