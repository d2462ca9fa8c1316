import assert from 'node:assert/strict';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type CommandLine, readCommandLine } from '../../../core/cli/command-line.js';
import type { ConfigPlaces } from '../../../core/config/collect.js';
import { loadConfig } from '../../../core/config/effective.js';
import { CrError } from '../../../core/errors.js';

const root = mkdtempSync(join(tmpdir(), 'criu-ts-effective-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;

interface Files {
  readonly conf?: string;
  readonly named?: string;
  readonly json?: unknown;
  readonly yaml?: string;
}

function write(path: string, text: string): string {
  writeFileSync(path, text);
  return path;
}

/** A system with these files. */
function system({ conf = '', named, json, yaml }: Files): { places: ConfigPlaces; folder: string } {
  const folder = join(root, String(made++));
  mkdirSync(folder);
  if (json !== undefined) write(join(folder, 'criu.config.json'), JSON.stringify(json));
  if (yaml !== undefined) write(join(folder, 'criu.config.yaml'), yaml);
  const places: ConfigPlaces = {
    system: write(join(folder, 'default.conf'), conf),
    home: undefined,
    fromEnvironment: named === undefined ? undefined : write(join(folder, 'named.conf'), named),
    libsDir: undefined,
    own: { system: folder, user: undefined, working: '/' },
  };
  return { places, folder };
}

async function read(words: readonly string[], files: Files): Promise<CommandLine> {
  const line = await readCommandLine(words, system(files).places);
  assert.ok(typeof line !== 'string');
  return line;
}

test('defaults, default.conf, criu.config, profile, named files of CRIU, command line', async () => {
  const json = { timeout: 2, profiles: { p: { timeout: 3 } } };
  const timeout = async (words: string[], files: Files): Promise<number | undefined> =>
    (await read(words, files)).settings.engine.timeoutMs;
  const dump = ['dump', '-t', '1'];
  assert.equal(await timeout(dump, {}), undefined);
  assert.equal(await timeout(dump, { conf: 'timeout 1' }), 1000);
  assert.equal(await timeout(dump, { conf: 'timeout 1', json }), 2000);
  assert.equal(await timeout([...dump, '--profile', 'p'], { conf: 'timeout 1', json }), 3000);
  assert.equal(await timeout([...dump, '--profile', 'p'], { conf: 'timeout 1', json, named: 'timeout 4' }), 4000);
  assert.equal(await timeout([...dump, '--timeout', '5', '--profile', 'p'], { conf: 'timeout 1', json, named: 'timeout 4' }), 5000);
});

test('false takes back what a lower place has said, also for a switch without --no-', async () => {
  const json = { leaveRunning: false, shellJob: false, profiles: { p: { leaveRunning: true } } };
  const { settings } = await read(['dump', '-t', '1'], { conf: 'leave-running\nshell-job', json });
  assert.deepEqual([settings.engine.leaveRunning, settings.engine.shellJob], [undefined, false]);
  assert.equal((await read(['dump', '-t', '1', '--profile', 'p'], { json })).settings.engine.leaveRunning, true);
  assert.equal((await read(['dump', '-t', '1', '-R'], { json })).settings.engine.leaveRunning, true);
});

test('the list of a profile replaces that of the file', async () => {
  const json = { actionScript: ['a', 'b'], profiles: { p: { actionScript: 'c' } } };
  assert.deepEqual((await read(['dump', '-t', '1'], { json })).settings.engine.actionScripts, ['a', 'b']);
  assert.deepEqual((await read(['dump', '-t', '1', '--profile', 'p'], { json })).settings.engine.actionScripts, ['c']);
});

test('plugins: the nearest first, switched off by a nearer place', async () => {
  const yaml =
    'plugins: [cuda, [nic, {port: 3}]]\nranking: [nic, cuda]\nprofiles:\n  p: {plugins: [amdgpu], disable: [cuda], ranking: [amdgpu]}\n';
  const { settings } = await read(['dump', '-t', '1', '--profile', 'p', '--enable-plugin', 'own', '--disable-plugin', 'x'], { yaml });
  const { requests, disabled, ranking } = settings.plugins;
  assert.deepEqual(
    requests.map(({ reference, options }) => [reference, options]),
    [
      ['own', undefined],
      ['amdgpu', undefined],
      ['nic', { port: 3 }],
    ],
  );
  assert.deepEqual(
    disabled.map(({ name }) => name),
    ['x', 'cuda'],
  );
  assert.deepEqual(ranking?.names, ['amdgpu']);
  await assert.rejects(
    read(['dump'], { yaml: 'plugins: [cuda]\ndisable: [cuda]' }),
    /criu\.config\.yaml: disable\[0\]: "cuda" is enabled and disabled/,
  );
});

test('commands without use for it read none', async () => {
  assert.equal((await read(['stages'], { yaml: '[' })).own.file, undefined);
  await assert.rejects(read(['check'], { yaml: '[' }), /criu\.config\.yaml: line 2, column 1: /);
});

test('--no-default-config, --config with both kinds of files, --profile without a file', async () => {
  const { places, folder } = system({ json: { timeout: 2 }, conf: 'timeout 1' });
  const timeout = async (...words: string[]): Promise<number | undefined> => {
    const line = await readCommandLine(['dump', '-t', '1', ...words], places);
    assert.ok(typeof line !== 'string');
    return line.settings.engine.timeoutMs;
  };
  const other = write(join(folder, 'other.json'), '{"verbosity": 4}');
  const conf = write(join(folder, 'x'), 'verbosity 4');
  assert.equal(await timeout('--no-default-config'), undefined);
  // Ours leaves CRIU's default files alone, CRIU's leaves ours alone.
  assert.equal(await timeout('--config', other), 1000);
  assert.equal(await timeout('--config', conf), 2000);
  assert.equal(await timeout('--config', conf, '--config', other), undefined);
  await assert.rejects(timeout('--no-default-config', '--profile', 'x'), /--profile needs a configuration file, and none was found/);
  await assert.rejects(timeout('--profile', 'x'), /there is no profile "x"/);
  await assert.rejects(timeout('--config', `${folder}/none.json`), /none\.json: cannot use the configuration/);
});

test('data that is too much, no text, or no JSON', async () => {
  const bomb = [
    'a: &a [1,1,1,1,1,1,1,1,1,1]',
    ...'bcdef'.split('').map((x, i) => `${x}: &${x} [${Array(10).fill(`*${'abcde'[i]}`).join(',')}]`),
  ];
  await assert.rejects(read(['config'], { yaml: bomb.join('\n') }), /criu\.config\.yaml: more than 20000 values/);
  await assert.rejects(read(['config'], { yaml: '' }), /: expected an object, found nothing/);
  const { places, folder } = system({});
  const file = join(folder, 'criu.config.json');
  const rejects = (text: string | Buffer, pattern: RegExp): Promise<void> => {
    writeFileSync(file, text);
    return assert.rejects(readCommandLine(['config'], places), pattern);
  };
  await rejects(Buffer.from([0x22, 0xff, 0x22]), /criu\.config\.json: is no text in UTF-8/);
  await rejects('{"timeout": 3, }', /criu\.config\.json: Expected double-quoted property name in JSON at position 15/);
  await rejects(Buffer.alloc((1 << 20) + 1, 0x20), /has 1048577 bytes; a configuration has at most 1048576/);
});

test('the library: options for dump and restore, with sources', async () => {
  const { places, folder } = system({
    json: { timeout: 2, plugins: ['./p.mjs'], profiles: { p: { shellJob: true } } },
    conf: 'ghost-limit 1K',
  });
  const config = await loadConfig({ places: { ...places, libsDir: '/libs' }, profile: 'p' });
  const file = join(folder, 'criu.config.json');
  assert.equal(config.file, file);
  const from = { kind: 'file', file, key: 'plugins[0]' } as const;
  const plugins = [{ reference: join(folder, 'p.mjs'), from }];
  assert.deepEqual(config.options, { timeoutMs: 2000, shellJob: true, ghostLimit: 1024, plugins, pluginDirs: ['/libs'] });
  assert.deepEqual(config.from.get('shellJob'), { kind: 'file', file, key: 'profiles.p.shellJob', profile: 'p' });
  assert.deepEqual(config.from.get('ghostLimit'), { kind: 'file', file: places.system, line: 1, key: 'ghost-limit' });
  assert.deepEqual(config.folders, [{ path: '/libs', from: { kind: 'environment', variable: 'CRIU_LIBS_DIR' } }]);
  assert.deepEqual((await loadConfig({ places, search: false })).options, {});
});

test('a file of somebody else ends the run', { skip: process.geteuid?.() === 0 ? false : 'needs root (chown)' }, async () => {
  const { places, folder } = system({ json: {} });
  chownSync(join(folder, 'criu.config.json'), 65534, 65534);
  await assert.rejects(
    readCommandLine(['dump', '-t', '1'], places),
    (error) => error instanceof CrError && error.code === 'CR_NO_PERMISSION' && /chown -h 0 .*criu\.config\.json/.test(error.hint),
  );
});
