import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type CommandLine, parseCommandLine } from '../../../core/cli/command-line.js';
import { dumpOptions, restoreOptions } from '../../../core/config/settings.js';
import { toPluginRequests } from '../../../core/config/plugin-request.js';
import { CrError } from '../../../core/errors.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-plugin-options-'));
after(() => rmSync(dir, { recursive: true }));

function parse(argv: readonly string[], file = '', libsDir?: string): CommandLine {
  const system = join(dir, 'default.conf');
  writeFileSync(system, file);
  const line = parseCommandLine(argv, { system, home: undefined, fromEnvironment: undefined, libsDir });
  assert.ok(typeof line !== 'string');
  return line;
}

test('requests say where they came from; the nearest place comes first', () => {
  const argv = ['dump', '-t', '1', '--enable-plugin', 'cuda@^1:device=0', '--enable-plugin=./p.mjs', '-L', '/b', '--plugin-dir', '/a'];
  const options = dumpOptions(parse(argv, 'enable-plugin amdgpu\nlibdir /d', '/c').settings, {});
  assert.deepEqual(options.plugins, [
    { reference: 'cuda', range: '^1', options: { device: '0' }, from: { kind: 'command line', option: '--enable-plugin' } },
    { reference: join(process.cwd(), 'p.mjs'), from: { kind: 'command line', option: '--enable-plugin' } },
    { reference: 'amdgpu', from: { kind: 'file', file: join(dir, 'default.conf'), line: 1, key: 'enable-plugin' } },
  ]);
  // The command line in its order, then CRIU_LIBS_DIR, then the file.
  assert.deepEqual(options.pluginDirs, ['/b', '/a', '/c', '/d']);
});

test('nobody said anything: the engine is told nothing', () => {
  for (const key of ['plugins', 'disabledPlugins', 'pluginDirs', 'allowMissingPlugins']) {
    assert.equal(Object.hasOwn(dumpOptions(parse(['dump', '-t', '1']).settings, {}), key), false, key);
  }
});

test('on and off: the nearer place wins, one place may not say both', () => {
  const off = dumpOptions(parse(['dump', '-t', '1', '--disable-plugin', 'cuda'], 'enable-plugin cuda\nenable-plugin nic').settings, {});
  assert.deepEqual([off.plugins?.length, off.disabledPlugins], [1, ['cuda']]);
  const on = dumpOptions(parse(['dump', '-t', '1', '--enable-plugin', 'cuda'], 'disable-plugin cuda\ndisable-plugin nic').settings, {});
  assert.deepEqual([on.plugins?.length, on.disabledPlugins], [1, ['nic']]);
  const contradiction = /^CrError: --disable-plugin: "cuda" is enabled and disabled/;
  assert.throws(() => parse(['dump', '--enable-plugin', 'cuda', '--disable-plugin', 'cuda']), contradiction);
  assert.throws(
    () => parse(['dump'], 'disable-plugin nic\nenable-plugin nic'),
    /default\.conf:2: enable-plugin: "nic" is enabled and disabled/,
  );
});

test('a restore may go on without a plugin; a dump has no use for that', () => {
  const line = parse(['restore', '--allow-missing-plugin', 'cuda_plugin', '--allow-missing-plugin', 'amdgpu_plugin']);
  assert.deepEqual(restoreOptions(line.settings, {}).allowMissingPlugins, ['cuda_plugin', 'amdgpu_plugin']);
  const [note] = parse(['dump', '-t', '1', '--allow-missing-plugin', 'x']).notes;
  assert.deepEqual(note, { text: '--allow-missing-plugin has no effect on dump', warn: true });
});

test('bad values name the option', () => {
  const refused: [string[], RegExp][] = [
    [['--enable-plugin', 'cuda:x'], /^--enable-plugin: "cuda:x" at character 7: expected = /],
    [['--disable-plugin', './cuda'], /^--disable-plugin: .*not a path/],
    [['--allow-missing-plugin', ''], /^--allow-missing-plugin: "" at character 1: expected a name/],
    [['--plugin-dir', ''], /^--plugin-dir: an empty text is no folder/],
    [['-L', ''], /^-L: an empty text is no folder/],
  ];
  for (const [words, pattern] of refused) {
    assert.throws(
      () => parse(['restore', ...words]),
      (error) => error instanceof CrError && error.code === 'CR_USAGE' && pattern.test(error.message),
      words.join(' '),
    );
  }
});

test('the library takes names, paths, plugins and pairs', () => {
  const plugin = { name: 'own' };
  const from = { kind: 'call', function: 'dump' } as const;
  const given = { reference: 'x', from: { kind: 'default' } } as const;
  assert.deepEqual(toPluginRequests(['cuda@1', './p.ts', plugin, ['nic', { port: 3 }], [plugin, {}], given], 'dump'), [
    { reference: 'cuda', range: '1', from },
    { reference: join(process.cwd(), 'p.ts'), from },
    { reference: plugin, from },
    { reference: 'nic', options: { port: 3 }, from },
    { reference: plugin, options: {}, from },
    given,
  ]);
  const bad = (entry: unknown): (() => unknown) => {
    return () => toPluginRequests(['cuda', entry as string], 'restore');
  };
  assert.throws(bad(7), /^CrError: restore\(\) plugins\[1\]: expected a name, a path or a plugin/);
  assert.throws(bad(['x', 3]), /plugins\[1\]: expected an object with options/);
  assert.throws(bad(['x', {}, {}]), /plugins\[1\]: expected \[plugin, options\], found a list of 3/);
  assert.throws(bad([]), /found a list of 0/);
  assert.throws(bad([['x'], {}]), /expected a name, a path or a plugin/);
  assert.throws(bad(null), /expected a name, a path or a plugin/);
  assert.throws(bad('cuda:a=1'), /plugins\[1\]: "cuda:a=1" at character 5: expected no options/);
});
