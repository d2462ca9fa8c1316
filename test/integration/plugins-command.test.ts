/** Plugins through the command: found, named, switched off, listed, checked; and the three cases of the inventory as bytes. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Manifest } from '../../core/plugins/definition.js';
import { manifest, writePlugin } from '../helpers/plugin-folder.js';
import { criuTs, launcher } from '../helpers/run-command.js';

const FD = 7;
const started: number[] = [];
let root: string;
let folder: string;

before(() => {
  root = mkdtempSync(join(tmpdir(), 'criu-ts-plugin-command-'));
});
after(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
});
afterEach(() => {
  for (const pid of started.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
});

const DEVICE = manifest('device_plugin', {
  claims: { charMajors: [10] },
  hooks: { 'dump.claimFile': 'claim', 'dump.saveFile': 'owner', 'restore.openFile': 'owner' },
  options: { note: { type: 'string', doc: 'Goes to the log.' } },
});
const APPLY = `
  host.on('dump.claimFile', () => ({ what: '/dev/fuse' }));
  host.on('dump.saveFile', ({ link }) => { host.log.info('note ' + host.options.note); host.images.write('device_plugin-file.txt', link); });
  host.on('restore.openFile', () => ({ fd: openSync(Buffer.from(host.images.read('device_plugin-file.txt')).toString(), 'r+') }));
`;

async function start(command: string, comm: string): Promise<ChildProcess> {
  const child = spawn('/bin/bash', ['-c', command], { detached: true, stdio: 'ignore', cwd: '/' });
  started.push(child.pid!);
  while (readFileSync(`/proc/${child.pid}/comm`, 'utf8').trim() !== comm) await sleep(5);
  return child;
}

const withDevice = () => start(`exec ${FD}<>/dev/fuse; exec sleep 1000`, 'sleep');

async function ended(child: ChildProcess): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) await sleep(5);
}

function run(args: readonly string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = criuTs(args);
  return { status, text: `${stdout}${stderr}` };
}

test('--enable-plugin with a folder, options and a range; restore finds it by name in --plugin-dir', async () => {
  const plugins = join(folder, 'plugins');
  const dir = writePlugin(plugins, DEVICE, { apply: APPLY });
  const images = mkdtempSync(join(folder, 'images-'));
  const child = await withDevice();
  const dumped = run(['dump', '-t', String(child.pid), '-D', images, '-v4', '--enable-plugin', `${dir}@^1.0:note=hello`]);
  assert.equal(dumped.status, 0, dumped.text);
  assert.match(dumped.text, /device_plugin: note hello/);
  await ended(child);
  const refused = run(['restore', '-d', '-D', images]);
  assert.equal(refused.status, 1);
  assert.match(refused.text, /device_plugin: missing \(looked in .*install the package/);
  const verdict = run(['plugin', 'check', images, '--plugin-dir', plugins]);
  assert.equal(verdict.status, 0, verdict.text);
  assert.match(verdict.text, /device_plugin: satisfied \(1\.0\.0 of /);
  const shown = run(['show', images]);
  assert.match(shown.text, /plugins: device_plugin\n/);
  assert.match(
    shown.text,
    new RegExp(`plugin device_plugin 1\\.0\\.0, its data 1\\.0\\.0:\\n    pid ${child.pid} fd ${FD}: /dev/fuse \\(dump\\.saveFile\\)`),
  );
  const restored = run(['restore', '-d', '-D', images, '-L', plugins]);
  assert.equal(restored.status, 0, restored.text);
  started.push(child.pid!);
  assert.equal(readlinkSync(`/proc/${child.pid}/fd/${FD}`), '/dev/fuse');
});

test('a plugin that was asked for and cannot be had stops the run before anything is frozen', async () => {
  const child = await withDevice();
  const dump = (plugin: string) => run(['dump', '-t', String(child.pid), '-D', folder, '--enable-plugin', plugin]);
  const bad = writePlugin(folder, manifest('bad_plugin'), { written: { ...manifest('bad_plugin'), hooks: { 'dump.pause': 'broadcast' } } });
  const throws = writePlugin(folder, manifest('throwing_plugin'), { source: 'throw new Error("no library");' });
  const differs = writePlugin(folder, manifest('other_plugin'), { written: { ...manifest('other_plugin'), version: '1.0.1' } });
  for (const [plugin, message] of [
    ['nosuch', /plugin nosuch \(--enable-plugin\) was not found/],
    ['/no/such', /plugin \/no\/such \(--enable-plugin\) is not there/],
    [bad, /hooks\["dump\.pause"\]: is no hook/],
    [throws, /cannot be loaded: no library/],
    [differs, /version: package\.json and the definition differ/],
    [`${writePlugin(folder, manifest('plain_plugin'))}@^2.0`, /plain_plugin is 1\.0\.0, asked for was \^2\.0/],
    [`${writePlugin(folder, manifest('plain_plugin'))}:color=red`, /there is no option "color"; it has none/],
  ] as const) {
    const { status, text } = dump(plugin);
    assert.equal(status, 1);
    assert.match(text, message);
    assert.doesNotMatch(text, /\n\s+at /, 'no stack trace');
  }
});

test('a plugin that was merely found is tried in a process of its own, and stops nobody', async () => {
  const plugins = join(folder, 'plugins');
  writePlugin(plugins, manifest('exits_plugin'), { source: 'process.exit(3);' });
  writePlugin(plugins, manifest('crashes_plugin'), { source: 'process.kill(process.pid, "SIGSEGV");' });
  writePlugin(plugins, manifest('absent_plugin'), { members: `probe: () => 'there is no such device'` });
  writePlugin(plugins, manifest('hostless_plugin', { host: { anyOf: ['/no/such/device'] } }), {
    source: 'throw new Error("never loaded")',
  });
  writePlugin(plugins, manifest('fine_plugin'));
  const listed = run(['plugin', 'list', '--plugin-dir', plugins]);
  assert.equal(listed.status, 0, listed.text);
  const state = (name: string) => new RegExp(`^${name} +\\S+ +(\\w+) [^\\n]*(?:\\n {40,}([^\\n]*))?`, 'm').exec(listed.text)?.slice(1);
  assert.deepEqual(state('exits_plugin'), ['off', 'its probe ended with status 3']);
  assert.deepEqual(state('crashes_plugin'), ['off', 'its probe ended by SIGSEGV']);
  assert.deepEqual(state('absent_plugin'), ['off', 'there is no such device']);
  assert.deepEqual(state('hostless_plugin'), ['off', 'this host has none of /no/such/device']);
  assert.equal(state('fine_plugin')?.[0], 'enabled');
  const child = await start('exec sleep 1000', 'sleep');
  const dumped = run(['dump', '-t', String(child.pid), '-D', folder, '-R', '-v3', '--plugin-dir', plugins]);
  assert.equal(dumped.status, 0, dumped.text);
  assert.match(dumped.text, /Plugins: fine_plugin 1\.0\.0/);
  assert.match(run(['plugin', 'list', '--plugin-dir', plugins, '--disable-plugin', 'fine_plugin']).text, /fine_plugin +1\.0\.0 +off/);
});

test('code in a file that others can write is not run, and the cure is named', () => {
  const dir = writePlugin(join(folder, 'plugins'), manifest('open_plugin'));
  chmodSync(join(dir, 'index.js'), 0o666);
  const { status, text } = run(['dump', '-t', '1', '-D', folder, '--enable-plugin', dir]);
  assert.equal(status, 1);
  assert.match(text, /index\.js: can be written by everybody: the plugin .* is not run with our rights/);
  assert.match(text, /chmod go-w \S+index\.js/);
});

test('capabilities of the manifest: without one the plugin is off, and who names it is told before anything is frozen', async () => {
  const plugins = join(folder, 'plugins');
  const dir = writePlugin(plugins, manifest('needy_plugin', { capabilities: ['CAP_NET_RAW', 'CAP_KILL'] }));
  const under = ['setpriv', '--bounding-set=-net_raw'];
  const without = (args: readonly string[]) => criuTs(args, { under });
  assert.match(run(['plugin', 'list', '--plugin-dir', plugins]).text, /needy_plugin +1\.0\.0 +enabled/);
  assert.match(
    without(['plugin', 'list', '--plugin-dir', plugins]).stdout,
    /needy_plugin +1\.0\.0 +off [^\n]*\n +it needs CAP_NET_RAW, which/,
  );
  const child = await start('exec sleep 1000', 'sleep');
  const named = without(['dump', '-t', String(child.pid), '-D', folder, '--enable-plugin', dir]);
  assert.equal(named.status, 1);
  assert.match(named.stderr, /CR_PLUGIN {2}plugin \S+needy_plugin: it needs CAP_NET_RAW/);
  process.kill(child.pid!, 0);
});

test('plugin list --stages: who runs where, in order, whatever the order of the folders', () => {
  const hooks = { 'dump.pauseDevices': 'broadcast', 'dump.freeze:before': 'stage' } as const;
  const apply = `host.on('dump.pauseDevices', () => undefined); host.onStage('dump.freeze:before', () => undefined);`;
  const a = writePlugin(folder, manifest('a_plugin', { hooks, after: ['b_plugin'] }), { apply });
  const b = writePlugin(folder, manifest('b_plugin', { hooks }), { apply });
  for (const order of [
    [a, b],
    [b, a],
  ]) {
    const { status, text } = run(['plugin', 'list', '--stages', ...order.flatMap((dir) => ['--enable-plugin', dir])]);
    assert.equal(status, 0, text);
    assert.match(text, /pauseDevices +dump\.pauseDevices +b_plugin, a_plugin/);
    assert.match(text, /freeze +dump\.freeze:before +b_plugin, a_plugin/);
  }
  const circle = writePlugin(folder, manifest('c_plugin', { after: ['d_plugin'], before: ['d_plugin'] }));
  const d = writePlugin(folder, manifest('d_plugin'));
  assert.match(
    run(['plugin', 'list', '--stages', '--enable-plugin', circle, '--enable-plugin', d]).text,
    /the order of plugins is a circle: c_plugin after d_plugin after c_plugin/,
  );
});

test('hooks that this version does not call, or does not know yet, are told and are no reason to refuse', async () => {
  const hooks = {
    'dump.later': 'broadcast',
    'dump.claimMount': 'claim',
    'preDump.freeze:before': 'stage',
    'dump.pauseDevices': 'broadcast',
  };
  const data = { ...manifest('newer_plugin'), hooks };
  // As the SDK of a later minor makes it.
  const definition = `{ ...${JSON.stringify(data)}, sdk: '1.9.0', apply(host) {
    for (const hook of ['dump.later', 'dump.claimMount', 'dump.pauseDevices']) host.on(hook, () => host.log.warn('called: ' + hook));
    host.onStage('preDump.freeze:before', () => undefined);
  } }`;
  const source = `export default Object.defineProperty(${definition}, Symbol.for('criu-ts.plugin'), { value: true });`;
  const plugins = join(folder, 'plugins');
  const dir = writePlugin(plugins, data as unknown as Manifest, { source });
  const child = await start('exec sleep 1000', 'sleep');
  const args = ['dump', '-R', '-t', String(child.pid), '-D', folder, '-v3'];
  for (const way of [
    ['--enable-plugin', dir],
    ['--plugin-dir', plugins],
  ]) {
    const { status, text } = run([...args, ...way]);
    assert.equal(status, 0, text);
    assert.deepEqual(text.match(/called: \S+/g), ['called: dump.pauseDevices']);
    assert.match(text, /Plugin newer_plugin taps dump\.later, which is never called here: a later plugin API has it/);
    assert.match(text, /Plugin newer_plugin taps dump\.claimMount, which is never called here: mount namespaces of a tree/);
    assert.match(text, /Plugin newer_plugin taps preDump\.freeze:before, which is never called here: pre-dump/);
  }
  const doctor = run(['plugin', 'doctor', 'newer_plugin', '--plugin-dir', plugins]);
  assert.match(
    doctor.text,
    /hooks +NO: dump\.later is never called here: a later plugin API has it; dump\.claimMount is never called here: /,
  );
  const typo = writePlugin(join(folder, 'typo'), data as unknown as Manifest, { source: source.replace("sdk: '1.9.0'", "sdk: '1.0.0'") });
  assert.match(run([...args, '--enable-plugin', typo]).text, /hooks\["dump\.later"\]: is no hook/);
});

test('conflicts and two of one name are told before anything is frozen', () => {
  const a = writePlugin(folder, manifest('a_plugin', { conflicts: ['b_plugin'] }));
  const b = writePlugin(folder, manifest('b_plugin'));
  assert.match(
    run(['plugin', 'list', '--enable-plugin', a, '--enable-plugin', b]).text,
    /plugins a_plugin and b_plugin exclude each other/,
  );
  const twin = writePlugin(join(folder, 'elsewhere'), manifest('b_plugin'));
  assert.match(run(['plugin', 'list', '--enable-plugin', b, '--enable-plugin', twin]).text, /two plugins are called b_plugin/);
});

/** inventory.img (magic, length, message) with another field 12. Ours has it present and empty: `62 00` (wire type 2, length 0). */
function withPlugins(bytes: Buffer, field: Buffer): Buffer {
  const size = bytes.readUInt32LE(4);
  const body = bytes.subarray(8, 8 + size);
  const at = body.indexOf(Buffer.from([0x62, 0x00]));
  assert.ok(at > 0);
  const changed = Buffer.concat([body.subarray(0, at), field, body.subarray(at + 2)]);
  const head = Buffer.from(bytes.subarray(0, 8));
  head.writeUInt32LE(changed.length, 4);
  return Buffer.concat([head, changed]);
}

test('the three cases of the inventory, written by hand as bytes', async () => {
  const images = mkdtempSync(join(folder, 'images-'));
  const plugins = join(folder, 'plugins');
  writePlugin(plugins, manifest('wanted_plugin'));
  writePlugin(plugins, manifest('other_plugin'));
  const child = await start('exec sleep 1000', 'sleep');
  assert.equal(run(['dump', '-t', String(child.pid), '-D', images]).status, 0);
  await ended(child);
  const original = readFileSync(join(images, 'inventory.img'));
  const name = Buffer.from('wanted_plugin');
  const listed = Buffer.concat([Buffer.from([0x62, name.length + 2, 0x62, name.length]), name]);
  const restore = async (field: Buffer, args: readonly string[]) => {
    const set = mkdtempSync(join(folder, 'set-'));
    cpSync(images, set, { recursive: true });
    writeFileSync(join(set, 'inventory.img'), withPlugins(original, field));
    const done = run(['restore', '-d', '-D', set, '-v3', ...args]);
    if (done.status === 0 && !args.includes('--dry-run')) {
      process.kill(child.pid!, 'SIGKILL');
      while (true) {
        try {
          process.kill(child.pid!, 0);
          await sleep(5);
        } catch {
          break;
        }
      }
    }
    return done;
  };
  const all = ['--plugin-dir', plugins];
  const missing = await restore(Buffer.alloc(0), all);
  assert.equal(missing.status, 0, missing.text);
  assert.match(missing.text, /Plugins: other_plugin .*, wanted_plugin/, 'no field: all are enabled');
  // Which plugins are loaded is decided before a dry run ends; every plain restore of these tests is one of the second case.
  const empty = await restore(Buffer.from([0x62, 0x00]), [...all, '--dry-run']);
  assert.equal(empty.status, 0, empty.text);
  assert.doesNotMatch(empty.text, /Plugins:/, 'empty: none is loaded');
  const named = await restore(listed, [...all, '--dry-run']);
  assert.equal(named.status, 0, named.text);
  assert.match(named.text, /Plugins: wanted_plugin 1\.0\.0 \(\S+\)\n/, 'names: exactly these');
  const absent = await restore(listed, []);
  assert.equal(absent.status, 1);
  assert.match(absent.text, /wanted_plugin: missing/);
  const waived = await restore(listed, ['--allow-missing-plugin', 'wanted_plugin']);
  assert.equal(waived.status, 0, waived.text);
  assert.match(waived.text, /Warn .*wanted_plugin, which the checkpoint needs, is left out/);
  const dry = run(['restore', '--dry-run', '-D', images]);
  assert.equal(dry.status, 0, dry.text);
});

test('two versions of one plugin: the first that fits what is asked for, and at a restore what wrote the images', async () => {
  const hooks = { 'dump.pauseDevices': 'broadcast' } as const;
  const apply = `host.on('dump.pauseDevices', ({ root }) => [{ pid: root, what: 'a queue' }]);`;
  const place = (version: string, reads: string) => {
    const data = manifest('two_plugin', { hooks, version, image: { writes: version, reads } });
    const plugins = mkdtempSync(join(folder, 'plugins-'));
    writePlugin(plugins, data, { apply });
    return ['--plugin-dir', plugins];
  };
  const [one, two] = [place('1.0.0', '^1.0.0'), place('2.0.0', '>=1.0.0')];
  const child = await start('exec sleep 1000', 'sleep');
  const dumped = (...args: readonly string[]) => {
    const images = mkdtempSync(join(folder, 'images-'));
    const { status, text } = run(['dump', '-R', '-t', String(child.pid), '-D', images, '-v3', ...args]);
    assert.equal(status, 0, text);
    return { images, version: /Plugins: two_plugin (\S+)/.exec(text)?.[1] };
  };
  const verdict = (images: string, ...args: readonly string[]) => run(['plugin', 'check', images, ...args]).text.trim();
  const old = dumped(...one, ...two);
  assert.equal(old.version, '1.0.0');
  const recent = dumped(...one, ...two, '--enable-plugin', 'two_plugin@^2.0');
  assert.equal(recent.version, '2.0.0');
  assert.match(verdict(recent.images, ...one, ...two), /two_plugin: satisfied \(2\.0\.0 of /);
  assert.match(verdict(recent.images, ...one), /two_plugin: wrong version \(/);
  assert.match(verdict(old.images, ...one, ...two), /two_plugin: satisfied \(1\.0\.0 of /);
  assert.match(verdict(old.images, ...two), /two_plugin: satisfied \(2\.0\.0 of /);
  const none = run(['plugin', 'list', ...one, ...two, '--enable-plugin', 'two_plugin@^3.0']);
  assert.match(none.text, /two_plugin is 1\.0\.0, asked for was \^3\.0/);
  const listed = run(['plugin', 'list', ...one, ...two]).text;
  assert.match(listed, /two_plugin +1\.0\.0 +enabled/);
  assert.match(listed, /two_plugin +2\.0\.0 +off [^\n]*\n +another one of this name comes first/);
});

test('several names: every state at once', async () => {
  const images = mkdtempSync(join(folder, 'images-'));
  const plugins = join(folder, 'plugins');
  writePlugin(plugins, manifest('good_plugin'));
  writePlugin(plugins, manifest('no_gpu_plugin'), { members: `probe: () => 'no such GPU'` });
  writePlugin(plugins, manifest('old_plugin'), { written: { ...manifest('old_plugin'), api: '^9.0.0' } });
  // The verdict comes from what went wrong, not from the words that a plugin finds for it.
  writePlugin(plugins, manifest('wordy_plugin'), { source: `throw new Error('a library that works with plugin API 7 is not there');` });
  const child = await start('exec sleep 1000', 'sleep');
  assert.equal(run(['dump', '-t', String(child.pid), '-D', images]).status, 0);
  await ended(child);
  const names = ['good_plugin', 'no_gpu_plugin', 'old_plugin', 'wordy_plugin', 'lost_plugin'].map((text) => Buffer.from(text));
  const inner = Buffer.concat(names.map((text) => Buffer.concat([Buffer.from([0x62, text.length]), text])));
  writeFileSync(
    join(images, 'inventory.img'),
    withPlugins(readFileSync(join(images, 'inventory.img')), Buffer.concat([Buffer.from([0x62, inner.length]), inner])),
  );
  for (const args of [
    ['restore', '--dry-run', '-D', images, '--plugin-dir', plugins],
    ['plugin', 'check', images, '--plugin-dir', plugins],
  ]) {
    const { status, text } = run(args);
    assert.equal(status, 1);
    assert.match(text, /good_plugin: satisfied/);
    assert.match(text, /no_gpu_plugin: unavailable \(no such GPU\)/);
    assert.match(text, /old_plugin: wrong version \(.*works with plugin API \^9\.0\.0/);
    assert.match(text, /wordy_plugin: unavailable \(.*a library that works with plugin API 7/);
    assert.match(text, /lost_plugin: missing/);
  }
  const range = run(['plugin', 'check', images, '--plugin-dir', plugins, '--enable-plugin', 'good_plugin@^2.0']);
  assert.match(range.text, /good_plugin: wrong version \(.*good_plugin is 1\.0\.0, asked for was \^2\.0/);
});

/** A plugin that blocks the event loop of the command in this hook, when the tree stands. Checks that the tree goes on and that the command ends by itself. */
async function blocksIn(hook: 'dump.checkpointDevices' | 'dump.claimFile', script: string): Promise<void> {
  const child = await start(script, 'sleep');
  const stuck = manifest('stuck_plugin', {
    hooks: { [hook]: hook === 'dump.claimFile' ? 'claim' : 'broadcast' },
    claims: { charMajors: [10] },
    deadlines: { [hook]: 300 },
  });
  const apply = `host.on('${hook}', ({ frozen = true }) => { while (frozen); return { what: '/dev/fuse' }; });`;
  const images = mkdtempSync(join(folder, 'images-'));
  const dir = writePlugin(images, stuck, { apply });
  const args = ['dump', '-t', String(child.pid), '-D', images, '--enable-plugin', dir, '--no-default-config'];
  const command = spawn(launcher, args, { timeout: 30_000, killSignal: 'SIGKILL' });
  let text = '';
  for (const stream of [command.stdout, command.stderr]) stream.on('data', (part) => (text += String(part)));
  await once(command, 'close');
  assert.equal(command.exitCode, 1, text);
  assert.match(text, new RegExp(`stuck_plugin 1\\.0\\.0 in ${hook} \\(\\S+index\\.js:\\d+\\) blocks this process; the tree was let go`));
  assert.match(readFileSync(`/proc/${child.pid}/status`, 'utf8'), /State:\s+S/);
  assert.match(readFileSync(`/proc/${child.pid}/status`, 'utf8'), /TracerPid:\s+0/);
}

test('a plugin that blocks the command for ever, also in a hook that answers at once: the tree goes on, and the command ends by itself', async () => {
  await Promise.all([
    blocksIn('dump.checkpointDevices', 'exec sleep 1000'),
    blocksIn('dump.claimFile', `exec ${FD}<>/dev/fuse; exec sleep 1000`),
  ]);
});

test('an optional plugin that fails before it took anything is left out, a required one ends the dump', async () => {
  const child = await start('exec sleep 1000', 'sleep');
  const data = manifest('failing_plugin', { hooks: { 'dump.pauseDevices': 'broadcast' } });
  const apply = `host.on('dump.pauseDevices', () => { throw new Error('broken'); });`;
  const required = writePlugin(join(folder, 'required'), data, { apply });
  const optional = writePlugin(join(folder, 'optional'), { ...data, failPolicy: 'optional' }, { apply });
  const dump = (dir: string) =>
    run(['dump', '-R', '-t', String(child.pid), '-D', mkdtempSync(join(folder, 'images-')), '--enable-plugin', dir]);
  assert.equal(dump(required).status, 1);
  const { status, text } = dump(optional);
  assert.equal(status, 0, text);
  assert.match(text, /Warn .*failing_plugin 1\.0\.0 in dump\.pauseDevices: broken; it is optional/);
});

test('Ctrl-C in a hook that hangs: the tree goes on', async () => {
  const child = await start('exec sleep 1000', 'sleep');
  const data = manifest('waiting_plugin', { hooks: { 'dump.checkpointDevices': 'broadcast', 'dump.resumeDevices': 'broadcast' } });
  const apply = `host.on('dump.checkpointDevices', () => { process.kill(process.pid, 'SIGINT'); return new Promise(() => setInterval(() => undefined, 1000)); });
    host.on('dump.resumeDevices', ({ outcome }) => { host.log.warn('resumed after ' + outcome); });`;
  const dir = writePlugin(folder, data, { apply });
  const { status, text } = run(['dump', '-t', String(child.pid), '-D', folder, '--enable-plugin', dir]);
  assert.equal(status, 1, text);
  assert.match(text, /stopped by SIGINT while plugin waiting_plugin/);
  assert.match(text, /resumed after failed/);
  assert.match(readFileSync(`/proc/${child.pid}/status`, 'utf8'), /State:\s+S/);
});

test('a plugin may be a single file without a package', async () => {
  const child = await start('exec sleep 1000', 'sleep');
  const dir = writePlugin(
    folder,
    manifest('file_plugin', { hooks: { 'dump.pauseDevices': 'broadcast' }, deadlines: { 'dump.pauseDevices': 86_400_000 } }),
    {
      apply: `host.on('dump.pauseDevices', ({ root }) => [{ pid: root, what: 'a queue' }]);`,
    },
  );
  rmSync(join(dir, 'package.json'));
  const file = join(dir, 'index.mjs');
  renameSync(join(dir, 'index.js'), file);
  const images = mkdtempSync(join(folder, 'images-'));
  const dumped = run(['dump', '-t', String(child.pid), '-D', images, '--enable-plugin', file]);
  assert.equal(dumped.status, 0, dumped.text);
  await ended(child);
  const restored = run(['restore', '-d', '-D', images, '-v3', '--enable-plugin', file]);
  assert.equal(restored.status, 0, restored.text);
  started.push(child.pid!);
  assert.doesNotMatch(restored.text, /is not needed/);
});

test('plugins in a folder that have nothing to do with a tree are neither loaded nor tried; one that has is', async () => {
  const plugins = join(folder, 'plugins');
  const mark = join(folder, 'mark');
  const source = (name: string) =>
    `import { writeFileSync } from 'node:fs'; writeFileSync('${mark}-${name}', ''); throw new Error('${name} was loaded');`;
  const hooks = { 'dump.claimFile': 'claim', 'dump.saveFile': 'owner', 'dump.claimMapping': 'claim', 'restore.openFile': 'owner' } as const;
  const filters: NonNullable<Manifest['claims']>[] = [
    { charMajors: [999] },
    { paths: ['/dev/nothing*'] },
    { anonInodes: ['io_uring'] },
    { sockets: ['inet'] },
    { blockMajors: [7] },
  ];
  for (const [i, claims] of filters.entries()) {
    const name = `idle_${i}_plugin`;
    writePlugin(plugins, manifest(name, { hooks, claims }), { source: source(name) });
  }
  writePlugin(plugins, DEVICE, { apply: APPLY });
  const plain = await start('exec sleep 1000', 'sleep');
  const idle = run(['dump', '-t', String(plain.pid), '-D', folder, '-R', '-v3', '--plugin-dir', plugins]);
  assert.equal(idle.status, 0, idle.text);
  assert.doesNotMatch(idle.text, /Plugins:/);
  assert.match(idle.text, /idle_0_plugin stays off: the tree holds nothing that it claims/);
  const child = await withDevice();
  const images = mkdtempSync(join(folder, 'images-'));
  const used = run(['dump', '-t', String(child.pid), '-D', images, '-R', '-v3', '--plugin-dir', plugins]);
  assert.equal(used.status, 0, used.text);
  assert.match(used.text, /Plugins: device_plugin 1\.0\.0/);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('mark')),
    [],
  );
  // Somebody who names one gets it, whatever the tree holds.
  const named = run(['dump', '-t', String(plain.pid), '-D', folder, '-R', '--plugin-dir', plugins, '--enable-plugin', 'idle_0_plugin']);
  assert.match(named.text, /idle_0_plugin was loaded/);
});
