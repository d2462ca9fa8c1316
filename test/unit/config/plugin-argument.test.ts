import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadValue } from '../../../core/config/bad-value.js';
import { parsePluginArgument, parsePluginName, parsePluginReference } from '../../../core/config/plugin-argument.js';

const ACCEPTED: readonly (readonly [string, ReturnType<typeof parsePluginArgument>])[] = [
  ['cuda', { reference: 'cuda' }],
  ['cuda_plugin', { reference: 'cuda_plugin' }],
  ['criu-plugin-nic@^1.2', { reference: 'criu-plugin-nic', range: '^1.2' }],
  ['cuda@>=1.0 <2 || 3.x', { reference: 'cuda', range: '>=1.0 <2 || 3.x' }],
  ['@acme/criu-plugin-nic', { reference: '@acme/criu-plugin-nic' }],
  ['@acme/criu-plugin-nic@2:port=3', { reference: '@acme/criu-plugin-nic', range: '2', options: { port: '3' } }],
  ['cuda:device=0,mode=', { reference: 'cuda', options: { device: '0', mode: '' } }],
  // A value ends at a comma only.
  ['cuda:url=http://x:8080/?a=b@c,n=1', { reference: 'cuda', options: { url: 'http://x:8080/?a=b@c', n: '1' } }],
  ['cuda:note=a\\,b\\\\c', { reference: 'cuda', options: { note: 'a,b\\c' } }],
  ['cuda:constructor=1', { reference: 'cuda', options: { constructor: '1' } }],
  ['./my-plugin.ts', { reference: './my-plugin.ts' }],
  ['../p.mjs@1.x:a=1', { reference: '../p.mjs', range: '1.x', options: { a: '1' } }],
  // Scopes and version folders.
  ['/lib/@acme/nic', { reference: '/lib/@acme/nic' }],
  ['/lib/@acme', { reference: '/lib/@acme' }],
  ['/opt/p@2/plugin.mjs', { reference: '/opt/p@2/plugin.mjs' }],
  ['/opt/p@2/plugin.mjs@~2.1', { reference: '/opt/p@2/plugin.mjs', range: '~2.1' }],
  ['/opt/p\\@2', { reference: '/opt/p@2' }],
  ['/opt/a\\:b\\,c\\\\d:k=v', { reference: '/opt/a:b,c\\d', options: { k: 'v' } }],
];

test('what --enable-plugin accepts', () => {
  for (const [text, expected] of ACCEPTED) assert.deepEqual(parsePluginArgument(text), expected, text);
});

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['', /"" at character 1: expected a name .* or a path .*, found the end/],
  ['-x', /at character 1: expected a name/],
  ['@acme', /at character 1: expected a name/],
  ['cuda.ts', /at character 1: expected a name, or \.\/cuda\.ts for the file/],
  ['plugins/cuda', /at character 8: expected @RANGE, :key=value, or \.\/ before a path, found "\/cuda"/],
  ['cuda@', /at character 6: expected a version range .*, found the end/],
  ['cuda@ :a=1', /at character 6: expected a version range/],
  ['cuda@latest:a=1', /at character 6: expected a version range .*, found "latest:a=1"/],
  ['cuda@^1@2', /at character 6: expected a version range/],
  ['cuda:', /at character 6: expected the key of an option .*, found the end/],
  ['cuda:=1', /at character 6: expected the key of an option .*, found "=1"/],
  ['cuda:__proto__=1', /at character 6: expected the key of an option/],
  ['cuda:device', /at character 12: expected = and the value of "device", found the end/],
  ['cuda:device 0=1', /at character 12: expected = and the value of "device", found " 0=1"/],
  ['cuda:a=1,', /at character 10: expected the key of an option .*, found the end/],
  ['cuda:a=1,a=2', /at character 10: expected "a" only once/],
  ['cuda:a=\\n', /at character 9: expected one of @ : , \\ after a backslash, found "n"/],
  ['./a\\', /at character 5: expected one of @ : , \\ after a backslash, found the end/],
  ['./a\0', /at character 4: expected no NUL character/],
  ['a'.repeat(215), /is longer than a name can be \(214\)/],
  [`cuda@${'1'.repeat(300)}`, /at character 6: expected a version range/],
  [`cuda:${Array.from({ length: 65 }, (_, i) => `k${i}=1`).join(',')}`, /expected at most 64 options/],
  [`./${'a'.repeat(9000)}`, /9002 characters are too many/],
];

test('what it refuses: the position, what was expected and what stands there', () => {
  for (const [text, pattern] of REFUSED) {
    assert.throws(
      () => parsePluginArgument(text),
      (error) => error instanceof BadValue && pattern.test(error.message) && error.message.length < 400,
      text.slice(0, 60),
    );
  }
});

test('a reference in a list has no options in its text, and a name is a name alone', () => {
  assert.deepEqual(parsePluginReference('cuda@1'), { reference: 'cuda', range: '1' });
  assert.throws(() => parsePluginReference('cuda:a=1'), /at character 5: expected no options in the text; write \[plugin, options\]/);
  assert.equal(parsePluginName('@acme/criu-plugin-nic'), '@acme/criu-plugin-nic');
  assert.throws(() => parsePluginName('cuda@1'), /at character 5: expected the end of the name/);
  assert.throws(() => parsePluginName('./cuda'), /expected the name of a plugin, not a path/);
});
