import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type SearchPlaces, findConfig, ownExtension, userFolder } from '../../../core/config/search.js';

const root = mkdtempSync(join(tmpdir(), 'criu-ts-search-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;

/** Folders for each place, with these files. */
function places(...files: string[]): SearchPlaces {
  const top = join(root, String(made++));
  for (const folder of ['images', 'system', 'user', 'work/deep/er']) mkdirSync(join(top, folder), { recursive: true });
  for (const file of files) writeFileSync(join(top, file), '{}');
  return { images: join(top, 'images'), system: join(top, 'system'), user: join(top, 'user'), working: join(top, 'work/deep/er') };
}

/** The found file below the top folder. */
function found(at: SearchPlaces): string | undefined {
  return findConfig(at).file?.slice(join(at.images, '..').length + 1);
}

test('the first place wins', () => {
  const all = [
    'images/criu.config.ts',
    'system/criu.config.js',
    'user/criu.config.mjs',
    'work/deep/criu.config.yaml',
    'work/criu.config.cjs',
  ];
  for (const [index, file] of all.entries()) assert.equal(found(places(...all.slice(index))), file);
  assert.equal(found(places()), undefined);
});

test('in the working folder and the folder of the images a file that others can change is left alone', () => {
  const at = places('images/criu.config.json', 'work/deep/criu.config.json', 'work/criu.config.json');
  chmodSync(at.images, 0o777);
  chmodSync(join(at.working, '..'), 0o775);
  const { file, refused } = findConfig(at);
  // Above the refused one nothing is looked for.
  assert.equal(file, undefined);
  assert.equal(refused.length, 2);
  assert.match(refused[0] ?? '', /images: can be written by everybody: .*\. If you trust it: chmod go-w .*images/);
  assert.match(refused[1] ?? '', /work\/deep: can be written by its group/);
});

test("the system's folder is not left out because others can write it: reading the file fails", () => {
  const at = places('system/criu.config.json', 'work/criu.config.json');
  chmodSync(at.system, 0o777);
  assert.equal(found(at), 'system/criu.config.json');
});

test('the working folder is often that of the images: it is looked into once, and above it unless its file is refused', () => {
  const at = places('work/criu.config.json');
  assert.equal(findConfig({ ...at, images: at.working }).file, join(at.working, '../../criu.config.json'));
  const refusing = places('work/criu.config.json', 'work/deep/er/criu.config.json');
  chmodSync(join(refusing.working, 'criu.config.json'), 0o666);
  const { file, refused } = findConfig({ ...refusing, images: refusing.working });
  assert.deepEqual([file, refused.length], [undefined, 1]);
});

test('two files in one folder', () => {
  assert.throws(
    () => findConfig(places('system/criu.config.ts', 'system/criu.config.json')),
    /system\/criu\.config\.ts and .*\.json stand in one folder/,
  );
  // What anybody may have put there ends no run.
  const at = places('work/criu.config.ts', 'work/criu.config.json');
  chmodSync(join(at.working, '../..'), 0o777);
  assert.equal(findConfig(at).refused.length, 1);
});

test('kinds by extension; what is nearly one of ours is refused', () => {
  const kinds = ['a.conf', 'a', '/x.ts/y', 'a.ini', 'a.ts', 'a.yaml', 'a.json'].map(ownExtension);
  assert.deepEqual(kinds, [undefined, undefined, undefined, undefined, '.ts', '.yaml', '.json']);
  assert.throws(() => ownExtension('/x/a.yml'), /\/x\/a\.yml: a configuration file cannot end in \.yml/);
});

test("the user's folder", () => {
  assert.equal(userFolder({ XDG_CONFIG_HOME: '/x', HOME: '/h' }), '/x/criu');
  assert.equal(userFolder({ XDG_CONFIG_HOME: 'x', HOME: '/h' }), '/h/.config/criu');
  assert.equal(userFolder({ HOME: '' }), undefined);
});
