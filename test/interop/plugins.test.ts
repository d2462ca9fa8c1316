/** Plugins in the inventory, both ways: CRIU refuses an image of ours that needs a plugin it lacks, and we refuse CRIU's. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ImageReader } from '../../core/images/reader.js';
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

for (const { version, command } of peers()) {
  const folder = mkdtempSync(join(root, `${version}-`));
  const libs = join(folder, 'libs');
  mkdirSync(libs);
  const criu = (args: readonly string[]) => {
    const log = mkdtempSync(join(folder, 'log-'));
    const done = spawnSync(command, [...args, '--no-default-config', '-v4', '-o', join(log, 'log')], { encoding: 'utf8', timeout: 60_000 });
    return { status: done.status, log: readFileSync(join(log, 'log'), 'utf8') };
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
    assert.equal(restored.status, 0, restored.log);
    started.push(other.pid!);
  });

  test(`an image of CRIU ${version} that needs a plugin: refused by its name, restored with one of that name or when it is waived`, async () => {
    execFileSync(process.env['CC'] ?? 'cc', [
      '-shared',
      '-fPIC',
      '-o',
      join(libs, 'peer_plugin.so'),
      join(repository, 'test/fixtures/criu-plugin.c'),
    ]);
    const child = victim();
    const images = mkdtempSync(join(folder, 'images-'));
    const dumped = criu(['dump', '-t', String(child.pid), '-D', images, '--libdir', libs]);
    assert.equal(dumped.status, 0, dumped.log);
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
}
