/** Plugins that were installed beside criu-ts and that nobody named: which a dump needs is seen when the tree is looked at. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { dump } from '../../core/index.js';
import { Victim } from '../../plugins/sdk/testing/index.js';
import { DEVICE, failure, FD, inventoryNames, isGone, runs } from '../helpers/device-case.js';
import { installHome } from '../helpers/installed-home.js';
import { manifest, writePlugin } from '../helpers/plugin-folder.js';
import { until } from '../../plugins/sdk/testing/victim.js';

const folder = mkdtempSync(join(tmpdir(), 'criu-ts-installed-'));
const { modules, command } = installHome(folder);
const started: { kill(): unknown }[] = [];
after(() => {
  for (const victim of started) victim.kill();
  rmSync(folder, { recursive: true });
});

const hooks = { 'dump.claimFile': 'claim', 'dump.claimMapping': 'claim', 'dump.saveFile': 'owner', 'restore.openFile': 'owner' } as const;
/** For /dev/fuse. */
const TAKER = manifest('criu-plugin-taker', { claims: { charMajors: [10] }, hooks });
const APPLY = `
  host.on('dump.claimFile', () => ({ what: '${DEVICE}' }));
  host.on('dump.saveFile', ({ link }) => host.images.write('criu-plugin-taker-file.txt', link));
  host.on('restore.openFile', () => ({ fd: openSync(Buffer.from(host.images.read('criu-plugin-taker-file.txt')).toString(), 'r+') }));
`;

function run(args: readonly string[]): { status: number | null; text: string } {
  const done = spawnSync(command, [...args, '-v4', '--no-default-config'], { encoding: 'utf8', cwd: '/', timeout: 60_000 });
  return { status: done.status, text: `${done.stdout}${done.stderr}` };
}

async function bash(script: string, ready: (pid: number) => boolean): Promise<ChildProcess> {
  const child = spawn('/bin/bash', ['-c', script], { detached: true, stdio: 'ignore', cwd: '/' });
  started.push({ kill: () => !isGone(child.pid!) && process.kill(child.pid!, 'SIGKILL') });
  await until('the target being ready', () => ready(child.pid!));
  return child;
}

const sleeps = (pid: number) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';

test('200 that are installed and have nothing to do are not loaded; the one whose device is there is', async () => {
  const mark = join(folder, 'mark');
  for (let i = 0; i < 200; i++) {
    const name = `idle_${i}_plugin`;
    // One in four lies in a scope.
    const at = join(modules, i % 4 === 0 ? `@vendor/criu-plugin-idle-${i}` : `criu-plugin-idle-${i}`);
    mkdirSync(at, { recursive: true });
    const data = manifest(name, { hooks, claims: { paths: [`/dev/idle${i}*`], charMajors: [900 + i] } });
    writeFileSync(join(at, 'package.json'), JSON.stringify({ name, version: '1.0.0', main: 'i.js', 'criu-ts': data }));
    writeFileSync(join(at, 'i.js'), `require('node:fs').writeFileSync('${mark}-${name}', '');`);
  }
  writePlugin(modules, TAKER, { apply: APPLY });
  const plain = await bash('exec sleep 1000', sleeps);
  const idle = run(['dump', '-t', String(plain.pid), '-D', folder, '-R']);
  assert.equal(idle.status, 0, idle.text);
  assert.match(idle.text, /No plugin has anything to do here so far: known after/);
  assert.doesNotMatch(idle.text, /Plugins:/);

  const child = await bash(`exec ${FD}<>${DEVICE}; exec sleep 1000`, sleeps);
  const images = mkdtempSync(join(folder, 'images-'));
  const used = run(['dump', '-t', String(child.pid), '-D', images]);
  assert.equal(used.status, 0, used.text);
  assert.match(used.text, /Plugins: criu-plugin-taker 1\.0\.0/);
  assert.deepEqual(inventoryNames(images), ['criu-plugin-taker']);
  // Reaped too: its number is free.
  await until('its end', () => child.signalCode !== null);
  const restored = run(['restore', '-d', '-D', images]);
  assert.equal(restored.status, 0, restored.text);
  assert.equal(readlinkSync(`/proc/${child.pid}/fd/${FD}`), DEVICE);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('mark')),
    [],
  );
});

test('one that fits the tree and that its probe finds useless: the device is refused, and the tree runs', async () => {
  const home = installHome(mkdtempSync(join(folder, 'home-')));
  writePlugin(home.modules, TAKER, { apply: APPLY, members: `probe: () => 'there is no driver'` });
  const child = await bash(`exec ${FD}<>${DEVICE}; exec sleep 1000`, sleeps);
  const args = ['dump', '-t', String(child.pid), '-D', folder, '-v4', '--no-default-config'];
  const { status, stderr } = spawnSync(home.command, args, { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /Plugin criu-plugin-taker .*stays off: there is no driver/);
  assert.match(stderr, /fd 7 is the device \/dev\/fuse/);
  assert.ok(runs(child.pid!));
});

/** Its hooks are about no object, and its manifest says when it is needed. */
const WATCHER = manifest('criu-plugin-watcher', {
  hooks: { 'dump.pauseDevices': 'broadcast' },
  tree: { mapped: ['**/libwatched.so*'] },
});

test('one that is there for what is mapped is loaded for a tree that maps it, and for no other', async () => {
  const home = installHome(mkdtempSync(join(folder, 'home-')));
  writePlugin(home.modules, WATCHER, { apply: `host.on('dump.pauseDevices', ({ root }) => host.log.info('watches ' + root));` });
  const library = join(home.modules, 'libwatched.so.1.2');
  const [, libm] = /(\/\S*\/libm\.so\S*)/.exec(readFileSync(`/proc/self/maps`, 'utf8')) ?? [];
  copyFileSync(libm ?? '', library);
  const dumped = async (script: string) => {
    const { pid } = await bash(script, sleeps);
    const images = mkdtempSync(join(folder, 'images-'));
    const args = ['dump', '-t', String(pid), '-D', images, '-R', '-v4', '--no-default-config'];
    const { status, stderr } = spawnSync(home.command, args, { encoding: 'utf8', cwd: '/' });
    assert.equal(status, 0, stderr);
    assert.deepEqual(inventoryNames(images), []);
    return { pid, stderr };
  };
  const plain = await dumped('exec sleep 1000');
  assert.match(plain.stderr, /No plugin has anything to do here so far/);
  assert.doesNotMatch(plain.stderr, /Plugins:|watches/);
  const mapping = await dumped(`LD_PRELOAD=${library} exec sleep 1000`);
  assert.match(mapping.stderr, /Plugins: criu-plugin-watcher 1\.0\.0/);
  assert.match(mapping.stderr, new RegExp(`watches ${mapping.pid}`));
});

test('a device that is opened after the look for plugins is refused with the name of its plugin, and the tree runs', async () => {
  const plugins = mkdtempSync(join(folder, 'plugins-'));
  const at = writePlugin(plugins, TAKER, { apply: APPLY });
  const victim = await Victim.start({
    command: '/bin/bash',
    args: ['-c', `trap 'exec ${FD}<>${DEVICE}' USR1; sleep 1000 & while :; do wait; done`],
    ready: (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8') !== '',
  });
  started.push({ kill: () => victim.close() });
  const opensIt = ({ stage }: { stage: string }) => {
    if (stage !== 'freeze') return;
    process.kill(victim.pid, 'SIGUSR1');
    while (!existsSync(`/proc/${victim.pid}/fd/${FD}`)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
  };
  const error = await failure(dump({ pid: victim.pid, imagesDir: victim.imagesDir, pluginDirs: [plugins], onProgress: opensIt }));
  assert.equal(error.code, 'CR_UNSUPPORTED');
  assert.match(error.message, /\/dev\/fuse came into the tree after .*: plugin criu-plugin-taker \(\S+\) claims it and is not loaded/);
  assert.ok(error.message.includes(`(${at})`));
  assert.match(error.hint, /Dump again, or .*--enable-plugin criu-plugin-taker/);
  assert.ok(runs(victim.pid));
  await victim.dump({ pluginDirs: [plugins] });
  assert.deepEqual(inventoryNames(victim.imagesDir), ['criu-plugin-taker']);
});
