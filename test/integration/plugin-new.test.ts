/** `criu-ts plugin new`: from the command to a passing test, with packages of this repository instead of a registry. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runPluginNew } from '../../core/cli/plugin-new.js';
import { readPlugin } from '../../core/plugins/find.js';
import { criuTs } from '../helpers/run-command.js';
import { installArchive, linkPackages } from '../helpers/sdk-archive.js';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'criu-ts-new-'));
});
after(() => rmSync(folder, { recursive: true }));

/** What `npm install` would do. */
function install(project: string, names: readonly string[]): void {
  const { dependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  installArchive(join(project, dependencies['@criu-ts/plugin-sdk']!.replace('file:', '')), project, '@criu-ts/plugin-sdk');
  linkPackages(project, ['typescript', '@types/node', 'undici-types', ...names]);
}

function npm(project: string, ...words: string[]): string {
  const tools = join(project, 'node_modules/typescript/bin');
  // Links to commands are made by an installation, and there was none.
  writeFileSync(join(project, 'cmake-js'), `#!/bin/sh\nexec node ${project}/node_modules/cmake-js/bin/cmake-js "$@"\n`, { mode: 0o755 });
  const env = { ...process.env, PATH: `${tools}:${project}:${process.env['PATH']}`, NODE_OPTIONS: '' };
  delete (env as Record<string, unknown>)['NODE_TEST_CONTEXT'];
  const done = spawnSync('npm', words, { cwd: project, encoding: 'utf8', env, timeout: 300_000 });
  assert.equal(done.status, 0, done.stdout + done.stderr);
  return done.stdout;
}

test('a new plugin builds, passes its test, and is one', () => {
  const project = join(folder, 'plain');
  const done = criuTs(['plugin', 'new', 'my-thing', project], { env: { PATH: process.env['PATH']! } });
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /npm install\n.*npm test/);
  install(project, []);
  assert.match(npm(project, 'test'), /^(?:#|ℹ) pass 2$/m);
  const plugin = readPlugin(project, 'folder');
  assert.ok(plugin && 'manifest' in plugin, JSON.stringify(plugin));
  assert.equal(plugin.manifest.name, 'my_thing_plugin');
  assert.equal(plugin.packageName, 'criu-plugin-my-thing');
  const files = readdirSync(project, { recursive: true, encoding: 'utf8' });
  for (const name of ['README.md', '.gitignore', '.github/workflows/test.yml']) assert.ok(files.includes(name), name);
  const listed = criuTs(['plugin', 'list', '--plugin-dir', project]);
  assert.match(listed.stdout, /my_thing_plugin +0\.1\.0/, listed.stderr);
});

test('with a native part too', () => {
  const project = join(folder, 'native');
  runPluginNew(['my-thing', project], true);
  install(project, ['cmake-js', 'node-addon-api']);
  assert.match(npm(project, 'test'), /^(?:#|ℹ) pass 2$/m);
  assert.ok(readdirSync(join(project, 'native/build/Release')).includes('my_thing.node'));
});

test('bad names and folders that hold something are refused, and nothing is written', () => {
  assert.throws(() => runPluginNew([], false), /needs a name/);
  for (const name of ['../x', 'A', '-x', 'x'.repeat(60)])
    assert.throws(() => runPluginNew([name, join(folder, 'no')], false), /is no name/);
  const full = mkdtempSync(join(folder, 'full-'));
  writeFileSync(join(full, 'mine'), '');
  assert.throws(() => runPluginNew(['good', full], false), /is not empty/);
  assert.deepEqual(readdirSync(full), ['mine']);
  assert.equal(readdirSync(folder).includes('no'), false);
});
