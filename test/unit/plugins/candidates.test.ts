/** Which plugins a run may need, by their manifests alone. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Hooks } from '../../../core/hooks.js';
import type { Vma } from '../../../core/kernel/procfs/maps.js';
import { ProcReader } from '../../../core/kernel/procfs/reader.js';
import { bundledPlugins } from '../../../core/plugins/bundled.js';
import { findCandidates } from '../../../core/plugins/candidates.js';
import type { Manifest } from '../../../core/plugins/definition.js';
import { waitingPlugin, WaitingPlugins } from '../../../core/plugins/waiting.js';
import { manifest } from '../../helpers/plugin-folder.js';
import { repository } from '../../helpers/run-command.js';

let folder: string;
let home: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'criu-ts-candidates-'));
  home = join(folder, 'node_modules/criu-ts');
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

const install = (name: string, data: object) =>
  write(join(folder, 'node_modules', name, 'package.json'), JSON.stringify({ name, 'criu-ts': data }));
const claiming = (more: Partial<Manifest> = {}) =>
  manifest('taker', { hooks: { 'dump.claimFile': 'claim', 'dump.saveFile': 'owner' }, claims: { charMajors: [10] }, ...more });
const found = () => {
  const { now, waiting } = findCandidates(0, [], home);
  return { now, waiting: waiting.map((plugin) => plugin.name) };
};

test('what the user named or has in a folder is opened at once', () => {
  assert.equal(findCandidates(1, [], home).now, true);
  assert.equal(findCandidates(0, [folder], home).now, true);
  assert.deepEqual(found(), { now: false, waiting: [] });
});

test('an installed one that only takes objects waits for them; one that does more does not', () => {
  install('@vendor/criu-plugin-a', claiming());
  install('criu-plugin-absent', claiming({ name: 'absent', host: { anyOf: ['/no/such/device'] } }));
  install('criu-plugin-plain', claiming({ name: 'own' }));
  install('another-package', manifest('other', { hooks: { 'dump.pauseDevices': 'broadcast' } }));
  write(join(folder, 'node_modules/criu-plugin-none/package.json'), '{"name": "x"}');
  assert.deepEqual({ ...found(), waiting: found().waiting.sort() }, { now: false, waiting: ['own', 'taker'] });
  install('criu-plugin-b', manifest('pauser', { hooks: { 'dump.claimFile': 'claim', 'dump.pauseDevices': 'broadcast' } }));
  assert.equal(found().now, true);
});

for (const [what, text] of [
  ['no JSON', '{'],
  ['claims that are no lists', JSON.stringify({ 'criu-ts': { ...claiming(), claims: { charMajors: 10 } } })],
  ['paths that are no texts', JSON.stringify({ 'criu-ts': { ...claiming(), claims: { paths: [10] } } })],
  ['no hooks', JSON.stringify({ 'criu-ts': { name: 'x' } })],
  ['too large', `{"a":"${'x'.repeat(1 << 20)}"}`],
] as const)
  test(`a damaged one is told by the framework: ${what}`, () => {
    write(join(folder, 'node_modules/criu-plugin-bad/package.json'), text);
    assert.equal(found().now, true);
  });

test('a bundled one is looked at when the host has what it needs; a damaged one is told to who names it', () => {
  const bundled = (text: string) => write(join(home, 'plugins/cuda/package.json'), text);
  bundled('{');
  assert.deepEqual(found(), { now: false, waiting: [] });
  bundled(JSON.stringify({ 'criu-ts': claiming({ host: { anyOf: ['/no/such/device'] } }) }));
  assert.deepEqual(found(), { now: false, waiting: [] });
  bundled(JSON.stringify({ 'criu-ts': claiming({ host: { anyOf: ['/no/such/device', '/dev/null'] } }) }));
  assert.deepEqual(found(), { now: false, waiting: ['taker'] });
});

test('the command knows what bundled plugins need of a host and of a tree without reading their manifests', () => {
  const bundled = bundledPlugins(repository);
  assert.deepEqual(
    bundled.map(({ name }) => name),
    ['cuda'],
  );
  const { host, tree } = bundled[0]!.manifest;
  const paths = host?.anyOf ?? [];
  assert.ok(paths.length > 0);
  const command = readFileSync(join(repository, 'dist/cli/criu-ts.cjs'), 'utf8');
  assert.ok(command.includes(`host:{anyOf:[${paths.map((path) => JSON.stringify(path)).join(',')}]}`));
  assert.ok(command.includes(`tree:{mapped:${JSON.stringify(tree?.mapped)}}`));
});

test('a file that is mapped makes a plugin wanted in the pre-flight, and does nothing when the tree stands', () => {
  const watcher = manifest('watcher', { hooks: { 'dump.pauseDevices': 'broadcast' }, tree: { mapped: ['**/libwatched.so*'] } });
  const mapped = (link: string) => ({ ...device, fd: null, link, proc: '/proc/1/map_files/1000-2000' });
  const { plugins, hooks } = waiting(watcher);
  // Built-in kinds dump it.
  hooks.claims.claimFile.tap('reg', () => ({}) as never);
  hooks.claims.claimFile.call(mapped('/usr/lib/libother.so.1'));
  hooks.claims.claimFile.call({ ...device, link: '/usr/lib/libwatched.so.1' });
  assert.equal(plugins.wanted, false);
  plugins.late();
  hooks.claims.claimFile.call(mapped('/usr/lib/libwatched.so.1'));
  assert.equal(plugins.wanted, false);
  const early = waiting(watcher);
  early.hooks.claims.claimFile.call(mapped('/opt/lib/libwatched.so.1 (deleted)'));
  assert.equal(early.plugins.wanted, true);
});

/** A /proc in which process 1 maps /dev/loop0. */
function procWithDevice(): ProcReader {
  const root = mkdtempSync(join(folder, 'proc-'));
  mkdirSync(join(root, '1/map_files'), { recursive: true });
  symlinkSync('/dev/loop0', join(root, '1/map_files/1000-2000'));
  return new ProcReader(root);
}

const vma = (start: number, name: string) => ({ start, end: start + 0x1000, name, offset: 0, shared: true }) as unknown as Vma;
const device = { pid: 1, fd: 7, link: '/dev/fuse', stat: statSync('/dev/fuse', { bigint: true }), proc: '/proc/1/fd/7' };

function waiting(...manifests: readonly Manifest[]): { plugins: WaitingPlugins; hooks: Hooks } {
  const plugins = new WaitingPlugins(
    manifests.map((data) => waitingPlugin(data, `/opt/${data.name}`)),
    procWithDevice(),
  );
  const hooks = new Hooks();
  plugins.attach(hooks);
  return { plugins, hooks };
}

test('a plugin that waits is wanted for what it claims, as a file or as a mapping', () => {
  const block = manifest('mapper', { hooks: { 'dump.claimMapping': 'claim' }, claims: { blockMajors: [7], charMajors: [10] } });
  const { plugins, hooks } = waiting(block);
  hooks.claims.claimFile.call(device);
  assert.equal(plugins.wanted, false, 'it does not ask about files');
  hooks.claims.claimMapping.call(1, vma(0x3000, '/lib/libc.so'));
  assert.equal(plugins.wanted, false);
  assert.equal(hooks.claims.claimMapping.call(1, vma(0x1000, '/dev/loop0')), undefined);
  assert.equal(plugins.wanted, true);
  const files = waiting(claiming());
  files.hooks.claims.claimMapping.call(1, vma(0x1000, '/dev/loop0'));
  assert.equal(files.plugins.wanted, false);
  assert.equal(files.hooks.claims.claimFile.call(device), undefined);
  assert.equal(files.plugins.wanted, true);
});

test('when the tree stands it is too late: the plugin is named; one that was opened meanwhile says nothing', () => {
  const { plugins, hooks } = waiting(claiming());
  plugins.late();
  assert.throws(
    () => hooks.claims.claimFile.call(device),
    /\/dev\/fuse came into the tree after .*: plugin taker \(\/opt\/taker\) claims it/,
  );
  plugins.close();
  assert.equal(hooks.claims.claimFile.call(device), undefined);
});
