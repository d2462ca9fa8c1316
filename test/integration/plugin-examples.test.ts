/** Two plugins of third parties, installed from archives: a connection to a daemon, and (with a native part) an inotify object. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CrError } from '../../core/errors.js';
import { readFds } from '../../core/kernel/procfs/fd-list.js';
import { ProcReader } from '../../core/kernel/procfs/reader.js';
import type { PluginDefinition } from '../../plugins/sdk/index.js';
import { sweepProblems, until, Victim } from '../../plugins/sdk/testing/index.js';
import { buildAddon } from '../helpers/build-addon.js';
import { repository } from '../helpers/run-command.js';
import { installArchive, installSdk, linkPackages, packPackage } from '../helpers/sdk-archive.js';

const SOURCES = join(repository, 'test/fixtures/plugins');
let folder: string;
const victims: Victim[] = [];

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'criu-ts-examples-'));
  installSdk(folder);
  linkPackages(folder, ['node-addon-api']);
});
after(() => {
  for (const victim of victims) victim.close();
  rmSync(folder, { recursive: true });
});

/** Packs an example and installs it. @returns the folder that --enable-plugin names */
function install(name: string): string {
  const source = join(folder, name);
  cpSync(join(SOURCES, name), source, { recursive: true });
  if (existsSync(join(source, 'native'))) {
    buildAddon(join(source, 'native'));
    const prebuilt = join(source, 'native/prebuilt/linux-x64-glibc');
    mkdirSync(prebuilt, { recursive: true });
    for (const file of readdirSync(join(source, 'native/build/Release')))
      cpSync(join(source, 'native/build/Release', file), join(prebuilt, file));
  }
  installArchive(packPackage(source, folder), folder, `criu-plugin-${name}`);
  return join(folder, 'node_modules', `criu-plugin-${name}`);
}

/** Compiles a victim and starts it. */
async function start(name: string, args: readonly string[], ready: (pid: number) => boolean): Promise<Victim> {
  const program = join(folder, `victim-${name}`);
  execFileSync(process.env['CC'] ?? 'cc', ['-Wall', '-o', program, join(SOURCES, 'victims', `${name}.c`)]);
  const victim = await Victim.start({ command: program, args, ready });
  victims.push(victim);
  return victim;
}

/** The loader closes files while we look. */
const links = (pid: number): string[] => (readFds(new ProcReader(), pid) ?? []).map(({ link }) => link);
const waits = (pid: number): boolean => /^State:\s+S/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
const text = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

async function failure(work: Promise<void>): Promise<CrError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CrError, String(error));
  return error;
}

/** Answers every line with its number among all lines that ever came. */
function daemon(path: string): Promise<Server> {
  let lines = 0;
  const server = createServer((socket) => {
    socket.on('data', (data) => socket.write(`${data.toString().trim()} is line ${++lines}\n`)).on('error', () => undefined);
  });
  server.unref();
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

test('TypeScript or JavaScript alone: a connection to a daemon is made again', async () => {
  const plugin = install('unix-client');
  const [path, output] = [join(folder, 'daemon.sock'), join(folder, 'answers')];
  const server = await daemon(path);
  const victim = await start('unix-client', [path, output], (pid) => links(pid).some((link) => link.startsWith('socket:')) && waits(pid));
  const ask = async (answer: string) => {
    process.kill(victim.pid, 'SIGUSR1');
    await until(`the answer ${answer}`, () => text(output).includes(answer));
  };
  await ask('1 is line 1\n');
  const refused = await failure(victim.dump({}));
  assert.equal(refused.code, 'CR_UNSUPPORTED');
  await victim.dump({ plugins: [plugin] });
  const record = JSON.parse(readFileSync(join(victim.imagesDir, 'plugins.json'), 'utf8')) as { plugins: { name: string }[] };
  assert.deepEqual(
    record.plugins.map(({ name }) => name),
    ['unix_client_plugin'],
  );
  // Without its daemon the restore says so before anything is created.
  await new Promise((resolve) => server.close(resolve));
  rmSync(path, { force: true });
  assert.match((await failure(victim.restore({ plugins: [plugin] }))).message, /there is no .*daemon\.sock: start its daemon/);
  await daemon(path);
  await victim.restore({ plugins: [plugin] });
  await ask('2 is line 1\n');
});

test('its own tests pass where only the SDK is installed: model kernel and golden files', () => {
  const env: NodeJS.ProcessEnv = { ...process.env };
  delete env['NODE_TEST_CONTEXT'];
  const output = execFileSync(process.execPath, ['--test', 'test/index.test.js'], {
    cwd: join(folder, 'unix-client'),
    encoding: 'utf8',
    env,
  });
  assert.match(output, /pass 3\n/);
});

test('a broken hook of it is blamed: the tree goes on, or does not begin to exist', async () => {
  const [path, output] = [join(folder, 'sweep.sock'), join(folder, 'sweep-answers')];
  await daemon(path);
  const victim = await start('unix-client', [path, output], (pid) => links(pid).some((link) => link.startsWith('socket:')) && waits(pid));
  const entry = join(folder, 'node_modules/criu-plugin-unix-client/index.js');
  const { default: plugin } = (await import(entry)) as { default: PluginDefinition };
  assert.deepEqual(await sweepProblems(victim, plugin, 'dump'), []);
  await victim.dump({ plugins: [plugin] });
  assert.deepEqual(await sweepProblems(victim, plugin, 'restore'), []);
  await victim.restore({ plugins: [plugin] });
});

test('with a native part: an inotify object keeps its watches and their numbers', async () => {
  const plugin = install('inotify-watches');
  const [first, second, output] = ['first', 'second', 'events'].map((name) => join(folder, name)) as [string, string, string];
  mkdirSync(first);
  mkdirSync(second);
  const victim = await start('inotify', [first, second, output], (pid) => links(pid).includes('anon_inode:inotify') && waits(pid));
  writeFileSync(join(first, 'a'), '');
  await until('the event of a', () => text(output) === '1 a\n');
  assert.match((await failure(victim.dump({}))).message, /inotify/);
  await until('its waiting', () => waits(victim.pid));
  await victim.dump({ plugins: [plugin] });
  writeFileSync(join(first, 'unseen'), '');
  await victim.restore({ plugins: [plugin] });
  writeFileSync(join(second, 'b'), '');
  writeFileSync(join(first, 'c'), '');
  await until('the events of b and c', () => text(output) === '1 a\n3 b\n1 c\n');
});
