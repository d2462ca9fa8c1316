import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPTION_KEYS } from '../../../core/config/keys.js';
import { OPTION_ROWS } from '../../../core/config/options-table.js';
import { validateConfig } from '../../../core/config/validate.js';
import { CrError } from '../../../core/errors.js';

const FILE = '/etc/criu/criu.config.ts';

function failure(value: unknown, data = false): string {
  try {
    validateConfig(value, FILE, data);
  } catch (error) {
    assert.ok(error instanceof CrError && error.code === 'CR_USAGE', String(error));
    return `${error.message} | ${error.hint}`;
  }
  assert.fail(`accepted: ${JSON.stringify(value)}`);
}

test('keys are the options of the table in camel case', () => {
  assert.equal(OPTION_KEYS.get('imagesDir')?.long, 'images-dir');
  assert.equal(OPTION_KEYS.get('skipFileRwxCheck')?.long, 'skip-file-rwx-check');
  for (const key of ['config', 'help', 'version', 'profile', 'tree', 'enablePlugin', 'noDefaultConfig']) {
    assert.equal(OPTION_KEYS.has(key), false, key);
  }
  assert.equal(OPTION_KEYS.size, OPTION_ROWS.filter(({ inConfig }) => inConfig).length);
});

const REFUSED: readonly (readonly [unknown, RegExp])[] = [
  [undefined, /^\/etc\/criu\/criu\.config\.ts: expected an object, found nothing/],
  [null, /: expected an object, found null/],
  [[], /: expected an object, found a list of 0/],
  [() => 1, /: expected an object, found a function/],
  [new Map(), /: expected an object, found an object/],
  [{ ghostLimt: 3 }, /: ghostLimt: there is no such key \| The nearest key is ghostLimit/],
  [{ 'images-dir': '/x' }, /: images-dir: there is no such key \| The nearest key is imagesDir/],
  [{ plugin: [] }, /: plugin: there is no such key \| The nearest key is plugins/],
  [{ profile: {} }, /: profile: there is no such key \| The nearest key is profiles/],
  [JSON.parse('{"__proto__": {"shellJob": true}}'), /: __proto__: there is no such key/],
  [{ shellJob: 'yes' }, /: shellJob: expected true or false, found "yes"/],
  [{ timeout: '10' }, /: timeout: expected a whole number, found "10"/],
  [{ timeout: 1.5 }, /: timeout: expected a whole number, found 1\.5/],
  [{ timeout: -1 }, /: timeout: expected a whole number, found -1/],
  [{ imagesDir: 5 }, /: imagesDir: expected a text, found 5/],
  [{ imagesDir: 'a\0b' }, /: imagesDir: expected a text, found "a\\u0000b"/],
  [{ imagesDir: ['a'] }, /: imagesDir: expected a text, found a list of 1/],
  [{ ghostLimit: {} }, /: ghostLimit: expected a number of bytes or a text such as "1M", found an object/],
  [{ fileValidation: 'sha' }, /: fileValidation: expected "filesize" or "buildid", found "sha"/],
  [{ actionScript: ['a', 3] }, /: actionScript\[1\]: expected a text, or a list of such, found 3/],
  [{ plugins: 'cuda' }, /: plugins: expected a list of plugins, found "cuda"/],
  [{ plugins: ['cuda', 3] }, /: plugins\[1\]: expected a name, a path or a plugin/],
  [{ plugins: [['cuda', 'x']] }, /: plugins\[0\]: expected an object with options after the plugin/],
  [{ plugins: ['cuda@new'] }, /: plugins\[0\]: "cuda@new" at character 6: expected a version range/],
  [{ ranking: [{}] }, /: ranking\[0\]: expected the name of a plugin, found an object/],
  [{ disable: ['./x'] }, /: disable\[0\]: .*expected the name of a plugin, not a path/],
  [{ pluginDirs: [''] }, /: pluginDirs\[0\]: expected a folder, found ""/],
  [{ pluginDirs: Array(2000).fill('x') }, /: pluginDirs: expected a list of folders with at most 1024 entries, found a list of 2000/],
  [{ profiles: [] }, /: profiles: expected an object with a name for each profile, found a list of 0/],
  [{ profiles: { gpu: 3 } }, /: profiles\.gpu: expected an object, found 3/],
  [{ profiles: { gpu: { tmeout: 3 } } }, /: profiles\.gpu\.tmeout: there is no such key \| The nearest key is timeout/],
  [{ profiles: { gpu: { profiles: {} } } }, /: profiles\.gpu\.profiles: there is no such key/],
];

test('messages name the file, the key, what was expected and what was found', () => {
  for (const [value, pattern] of REFUSED) assert.match(failure(value), pattern);
});

test('only code can hold a plugin itself', () => {
  const value = { plugins: [{ name: 'own' }] };
  assert.match(
    failure(value, true),
    /plugins\[0\]: expected a name, a path or \[plugin, options\]; a plugin itself can only stand in a \.ts or \.js file/,
  );
  assert.equal(validateConfig(value, FILE, false).base.plugins?.requests[0]?.reference, value.plugins[0]);
});

test('paths of plugins start at the file', () => {
  const { plugins } = validateConfig({ plugins: ['./a.ts@1', '/b', 'c'], pluginDirs: ['d', '/e'] }, FILE, true).base;
  assert.deepEqual(
    plugins?.requests.map(({ reference }) => reference),
    ['/etc/criu/a.ts', '/b', 'c'],
  );
  assert.deepEqual(
    plugins?.folders.map(({ path }) => path),
    ['/etc/criu/d', '/e'],
  );
});

test('an option of CRIU that is not built is known: the command refuses it by name', () => {
  const { occurrences } = validateConfig({ tcpEstablished: true, port: 27, external: ['a', 'b'] }, FILE, true).base;
  assert.deepEqual(occurrences.map(({ row, text }) => [row.long, row.built, text]).sort(), [
    ['external', false, 'a'],
    ['external', false, 'b'],
    ['port', false, '27'],
    ['tcp-established', false, ''],
  ]);
});
