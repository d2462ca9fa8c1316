/** Plugins in the inventory, both ways: CRIU refuses an image of ours that needs a plugin it lacks, and we refuse CRIU's. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ImageReader } from '../../core/images/reader.js';
import { readFds } from '../../core/kernel/procfs/fd-list.js';
import { ProcReader } from '../../core/kernel/procfs/reader.js';
import { FD_TYPES } from '../../core/images/generated/fdinfo.js';
import { until } from '../../plugins/sdk/testing/index.js';
import { peers } from '../helpers/peers.js';
import { manifest, writePlugin } from '../helpers/plugin-folder.js';
import { criuTs, repository } from '../helpers/run-command.js';

const root = mkdtempSync(join(tmpdir(), 'criu-ts-plugin-peers-'));
after(() => rmSync(root, { recursive: true }));

const started: number[] = [];
afterEach(() => {
  for (const pid of started.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
});

function victim(): ChildProcess {
  const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', cwd: '/' });
  started.push(child.pid!);
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) await sleep(5);
}

const namesIn = (folder: string) => new ImageReader(folder).readOne('inventory').plugins_entry?.plugins;

/** A plugin of ours that takes something of every tree: its name gets into the inventory. */
function taking(name: string): string {
  const data = manifest(name, { hooks: { 'dump.pauseDevices': 'broadcast' } });
  return writePlugin(mkdtempSync(join(root, 'ours-')), data, {
    apply: `host.on('dump.pauseDevices', ({ root }) => [{ pid: root, what: 'a queue' }]);`,
  });
}

/** Reads and writes what test/fixtures/criu-plugin.c does: it claims connections of the tree, and keeps the path of the daemon by the inode. */
function socketPlugin(): string {
  const data = manifest('peer_plugin', {
    claims: { sockets: ['unix'] },
    hooks: { 'dump.claimFile': 'claim', 'dump.saveFile': 'owner', 'restore.openFile': 'owner' },
  });
  return writePlugin(mkdtempSync(join(root, 'ours-')), data, {
    source: `
import { definePlugin } from ${JSON.stringify(join(repository, 'dist/plugins/sdk/index.js'))};
const file = ({ inode }) => 'peer_plugin-' + inode;
export default definePlugin({ ...${JSON.stringify(data)}, apply(host) {
  host.on('dump.claimFile', () => ({ what: 'a connection' }));
  host.on('dump.saveFile', ({ socket }) => host.images.write(file(socket), Buffer.from(socket.peer).toString().replace(/\\0.*/s, '')));
  host.on('restore.openFile', async ({ socket }) => {
    const path = Buffer.from(host.images.read(file(socket)));
    if (!Buffer.from(socket.peer).includes(path)) throw new Error('files.img has another name of the other end');
    const address = Buffer.alloc(110);
    address.writeUInt16LE(1);
    path.copy(address, 2);
    const { result: fd } = await host.run('socket', (p) => p.sys.socket(1, 1, 0).must('make a socket'));
    await host.run('connect', (p) => p.sys.connect(fd, p.data(address), 110).must('connect'));
    return { fd };
  });
} });`,
  });
}

/** A daemon that answers each line with its number among the lines of this connection, and a client of it (test/fixtures/plugins/victims). */
async function connection(folder: string): Promise<{ readonly child: ChildProcess; ask(answer: string): Promise<void> }> {
  const [program, path, output] = ['client', 'daemon.sock', 'answers'].map((name) => join(folder, name)) as [string, string, string];
  execFileSync(process.env['CC'] ?? 'cc', ['-o', program, join(repository, 'test/fixtures/plugins/victims/unix-client.c')]);
  const server = createServer((socket) => {
    let lines = 0;
    socket.on('data', (data) => socket.write(`${data.toString().trim()} is line ${++lines}\n`)).on('error', () => undefined);
    socket.unref();
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  server.unref();
  const child = spawn(program, [path, output], { detached: true, stdio: 'ignore', cwd: '/' });
  started.push(child.pid!);
  const pid = child.pid!;
  const waits = () => /^State:\s+S/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  // The loader closes files while we look.
  const linked = () => (readFds(new ProcReader(), pid) ?? []).some(({ link }) => link.startsWith('socket:'));
  await until('its connection', () => linked() && waits());
  return {
    child,
    async ask(answer) {
      process.kill(pid, 'SIGUSR1');
      await until(`the answer ${answer}`, () => existsSync(output) && readFileSync(output, 'utf8').includes(answer));
      await until('its waiting', waits);
    },
  };
}

/** What files.img says about unix sockets: flags and state of the one of the tree, and of the other end. */
function socketsIn(folder: string): unknown {
  const entries = new ImageReader(folder).readAll('files').filter(({ type }) => type === FD_TYPES.UNIXSK);
  const [own] = entries.filter(({ usk }) => usk!.uflags === 4);
  const [other] = entries.filter(({ usk }) => usk!.uflags === 1);
  assert.equal(own?.usk?.peer, other?.usk?.ino);
  const { id, ino, peer, fown, ...rest } = own!.usk!;
  const { id: otherId, ino: otherIno, ...otherRest } = other!.usk!;
  void [id, ino, peer, fown, otherId, otherIno];
  // A namespace that is not the tree's own needs no number.
  return { own: { ...rest, ns_id: undefined }, other: otherRest };
}

for (const { version, command } of peers()) {
  const folder = mkdtempSync(join(root, `${version}-`));
  const libs = join(folder, 'libs');
  mkdirSync(libs);
  const withPlugin = mkdtempSync(join(folder, 'libs-'));
  const source = join(repository, 'test/fixtures/criu-plugin.c');
  execFileSync(process.env['CC'] ?? 'cc', ['-shared', '-fPIC', '-o', join(withPlugin, 'peer_plugin.so'), source]);
  const criu = (args: readonly string[]) => {
    const log = mkdtempSync(join(folder, 'log-'));
    const done = spawnSync(command, [...args, '--no-default-config', '-v4', '-o', join(log, 'log')], { encoding: 'utf8', timeout: 60_000 });
    const text = readFileSync(join(log, 'log'), 'utf8');
    const errors = text
      .split('\n')
      .filter((line) => /Error|Warn|sk |unix/.test(line))
      .join('\n');
    return { status: done.status, log: text, errors };
  };

  test(`CRIU ${version} refuses an image of ours by the name of the plugin that it lacks, and restores one that needs none`, async () => {
    const child = victim();
    const images = mkdtempSync(join(folder, 'images-'));
    const dumped = criuTs(['dump', '-t', String(child.pid), '-D', images, '--enable-plugin', taking('taking_plugin')]);
    assert.equal(dumped.status, 0, dumped.stderr);
    await ended(child);
    assert.deepEqual(namesIn(images), ['taking_plugin']);
    const refused = criu(['restore', '-d', '-D', images, '--libdir', libs]);
    assert.equal(refused.status, 1);
    assert.match(refused.log, /Missing required plugin: taking_plugin/);
    const other = victim();
    const plain = mkdtempSync(join(folder, 'images-'));
    assert.equal(criuTs(['dump', '-t', String(other.pid), '-D', plain]).status, 0);
    await ended(other);
    assert.deepEqual(namesIn(plain), []);
    const restored = criu(['restore', '-d', '-D', plain, '--libdir', libs]);
    assert.equal(restored.status, 0, restored.errors);
    started.push(other.pid!);
  });

  test(`an image of CRIU ${version} that needs a plugin: refused by its name, restored with one of that name or when it is waived`, async () => {
    const child = victim();
    const images = mkdtempSync(join(folder, 'images-'));
    const dumped = criu(['dump', '-t', String(child.pid), '-D', images, '--libdir', withPlugin]);
    assert.equal(dumped.status, 0, dumped.errors);
    await ended(child);
    assert.deepEqual(namesIn(images), ['peer_plugin']);
    const refused = criuTs(['restore', '-d', '-D', images]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /peer_plugin: missing/);
    const dry = criuTs(['restore', '--dry-run', '-D', images, '--allow-missing-plugin', 'peer_plugin']);
    assert.equal(dry.status, 0, dry.stderr);
    const ours = writePlugin(mkdtempSync(join(folder, 'ours-')), manifest('peer_plugin'));
    const restored = criuTs(['restore', '-d', '-D', images, '--enable-plugin', ours]);
    assert.equal(restored.status, 0, restored.stderr);
    started.push(child.pid!);
  });

  test(`a connection to a daemon outside, saved by plugins: CRIU ${version} to ours, and ours to CRIU`, async () => {
    const ours = socketPlugin();
    const { child, ask } = await connection(mkdtempSync(join(folder, 'daemon-')));
    const pid = String(child.pid);
    await ask('1 is line 1\n');
    const theirs = mkdtempSync(join(folder, 'images-'));
    const dumped = criu(['dump', '-t', pid, '-D', theirs, '--libdir', withPlugin]);
    assert.equal(dumped.status, 0, dumped.errors);
    await ended(child);
    const refused = criuTs(['restore', '--dry-run', '-D', theirs, '--allow-missing-plugin', 'peer_plugin']);
    assert.match(refused.stderr, /file \d+ is of type UNIXSK, which is not built yet/);
    const restored = criuTs(['restore', '-d', '-D', theirs, '--enable-plugin', ours]);
    assert.equal(restored.status, 0, restored.stderr);
    await ask('2 is line 1\n');
    const back = mkdtempSync(join(folder, 'images-'));
    const again = criuTs(['dump', '-t', pid, '-D', back, '--enable-plugin', ours]);
    assert.equal(again.status, 0, again.stderr);
    assert.deepEqual(socketsIn(back), socketsIn(theirs));
    await until('its end', () => !existsSync(`/proc/${pid}`));
    const last = criu(['restore', '-d', '-D', back, '--libdir', withPlugin]);
    assert.equal(last.status, 0, last.errors);
    await ask('3 is line 1\n');
  });
}
