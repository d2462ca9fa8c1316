/** Native parts of plugins: loaded into a process of their own, checked, called, and their crash contained. */
import assert from 'node:assert/strict';
import { closeSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CrError } from '../../core/errors.js';
import type { NativeProcess } from '../../core/plugins/definition.js';
import { addonProblem, ownLibrary, platformName } from '../../core/plugins/native-file.js';
import { startNative } from '../../core/plugins/native-process.js';
import { OwnCalls } from '../../core/plugins/own-calls.js';
import type { LoadedPlugin } from '../../core/plugins/session.js';
import { definePlugin } from '../../plugins/sdk/index.js';
import { Victim } from '../../plugins/sdk/testing/index.js';
import { manifest, writePlugin } from '../helpers/plugin-folder.js';
import { buildAddon } from '../helpers/build-addon.js';
import { repository } from '../helpers/run-command.js';

let folder: string;
let addon: string;
const open: NativeProcess[] = [];

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'criu-ts-native-'));
  const project = join(repository, 'test/.work/native-probe');
  mkdirSync(join(repository, 'test/.work'), { recursive: true });
  cpSync(join(repository, 'test/fixtures/plugins/native-probe'), project, { recursive: true });
  const cmake = join(project, 'CMakeLists.txt');
  writeFileSync(cmake, readFileSync(cmake, 'utf8').replace('${CMAKE_SOURCE_DIR}/../../../../plugins', `${repository}/plugins`));
  buildAddon(project);
  addon = join(project, 'build/Release/probe.node');
});
after(async () => {
  for (const helper of open) await helper.close();
  rmSync(folder, { recursive: true });
});

function plugin(path: string, abi = 1): LoadedPlugin {
  const definition = definePlugin({
    name: 'native_plugin',
    version: '1.0.0',
    api: '^1.0.0',
    image: { writes: '1.0.0', reads: '^1.0.0' },
    hooks: {},
    native: { path, abi },
    apply: () => undefined,
  });
  return { manifest: definition, definition, options: {}, source: folder, folder };
}

/** A package with the addon where a prebuilt one lies. */
function packaged(name: string, place = join('prebuilt', platformName(ownLibrary().name))): LoadedPlugin {
  const to = join(folder, name, 'native', place);
  mkdirSync(to, { recursive: true });
  writeFileSync(join(folder, name, 'package.json'), '{}');
  copyFileSync(addon, join(to, 'probe.node'));
  // A file in dist: paths of the manifest are relative to its package all the same.
  mkdirSync(join(folder, name, 'dist'));
  return { ...plugin('native'), folder: join(folder, name, 'dist') };
}

async function started(loaded: LoadedPlugin): Promise<NativeProcess> {
  const helper = await startNative(loaded);
  open.push(helper);
  return helper;
}

async function failure(work: Promise<unknown>): Promise<CrError> {
  const error: unknown = await work.then(
    () => assert.fail('succeeded'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CrError, String(error));
  assert.equal(error.code, 'CR_PLUGIN');
  return error;
}

test('it is found, prebuilt or built, and runs in another process', async () => {
  const helper = await started(packaged('prebuilt'));
  assert.notEqual(helper.pid, process.pid);
  const data = { a: [1n, new Uint8Array([1, 2])], b: new Map([['x', null]]) };
  assert.deepEqual(await helper.call('echo', data), data);
  await started(packaged('built', 'build/Release'));
});

test('what a function throws is the error of the call, and the next call works', async () => {
  const helper = await started(packaged('throws'));
  const error = await failure(helper.call('openMissing'));
  assert.match(error.message, /native_plugin: open\(\/nowhere\): No such file/);
  assert.equal((error as CrError & { errno?: number }).errno, 2);
  assert.match((await failure(helper.call('nothing'))).message, /no function nothing; there are .*echo/);
  assert.equal(await helper.call('echo', 7), 7);
});

test('descriptors cross both ways', async () => {
  const helper = await started(packaged('descriptors'));
  const { fd } = (await helper.call('makeEvent', 42)) as { fd: number };
  const own = await helper.takeFd(fd);
  const count = Buffer.alloc(8);
  readSync(own, count);
  closeSync(own);
  assert.equal(count.readBigUInt64LE(), 42n);
  await assert.rejects(helper.takeFd(fd), /pidfd_getfd|EBADF|take a descriptor/);
  const path = join(folder, 'written');
  const file = openSync(path, 'w');
  assert.equal(await helper.call('writeTo', 'hello', { fds: [file] }), 5);
  closeSync(file);
  assert.equal(readFileSync(path, 'utf8'), 'hello');
});

test('a crash is the error of the call, names the signal, and is not ours', async () => {
  const helper = await started(packaged('crash'));
  assert.match((await failure(helper.call('crash'))).message, /ended by SIGSEGV while it worked on crash/);
  assert.match((await failure(helper.call('echo', 1))).message, /ended by SIGSEGV/);
});

/** A package for /dev/fuse whose native part crashes in one of its hooks. */
function crashing(hook: 'dump.saveFile' | 'restore.openFile' | 'none'): string {
  const hooks = { 'dump.claimFile': 'claim', 'dump.saveFile': 'owner', 'restore.openFile': 'owner' } as const;
  const data = manifest('crash_plugin', { claims: { paths: ['/dev/fuse'] }, hooks, native: { path: 'native/probe.node', abi: 1 } });
  const crash = (name: string) => (name === hook ? `await (await host.loadNative()).call('crash');` : '');
  const dir = writePlugin(mkdtempSync(join(folder, 'crashing-')), data, {
    apply: `
      host.on('dump.claimFile', () => ({ what: 'a device' }));
      host.on('dump.saveFile', async () => { ${crash('dump.saveFile')} });
      host.on('restore.openFile', async () => { ${crash('restore.openFile')} return { fd: openSync('/dev/fuse', 'r+') }; });`,
  });
  mkdirSync(join(dir, 'native'));
  copyFileSync(addon, join(dir, 'native/probe.node'));
  return dir;
}

test('a crash in a real dump leaves the tree running, in a restore nothing', async () => {
  const victim = await Victim.start({
    command: '/bin/bash',
    args: ['-c', 'exec 7<>/dev/fuse; exec sleep 1000'],
    ready: (pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('sleep'),
  });
  try {
    const told = await failure(victim.dump({ plugins: [crashing('dump.saveFile')] }));
    assert.match(told.message, /crash_plugin 1\.0\.0 in dump\.saveFile: .*ended by SIGSEGV/);
    assert.equal(told.target, 'running');
    assert.ok(victim.isRunning);
    const good = crashing('none');
    await victim.dump({ plugins: [good] });
    const refused = await failure(victim.restore({ plugins: [crashing('restore.openFile')] }));
    assert.match(refused.message, /crash_plugin 1\.0\.0 in restore\.openFile: .*ended by SIGSEGV/);
    assert.ok(!victim.isRunning);
    await victim.restore({ plugins: [good] });
  } finally {
    victim.close();
  }
});

test('what does not fit is refused with what was found and what is needed', async () => {
  assert.match((await failure(startNative(plugin('nowhere')))).message, /no addon in .*nowhere\/prebuilt\/linux-/);
  const other = packaged('other', 'prebuilt/linux-s390x-glibc');
  assert.match((await failure(startNative(other))).message, /prebuilt are linux-s390x-glibc/);
  assert.match(
    (await failure(startNative({ ...packaged('abi'), manifest: plugin('native', 2).manifest }))).message,
    /for ABI 1; .* have 2/,
  );
  const text = join(folder, 'text.node');
  writeFileSync(text, 'x'.repeat(100));
  assert.match((await failure(startNative(plugin('text.node')))).message, /is no ELF file/);
});

test('processor and C library are read from the file', () => {
  const bytes = readFileSync(addon);
  const changed = (name: string, change: (copy: Buffer) => Buffer) => {
    const path = join(folder, name);
    writeFileSync(path, change(Buffer.from(bytes)));
    return path;
  };
  assert.equal(addonProblem(addon), null);
  const machine = changed('machine.node', (copy) => (copy.writeUInt16LE(183, 18), copy));
  assert.match(addonProblem(machine)!, /is for arm64; this process is x64/);
  const musl = changed('musl.node', (copy) => Buffer.concat([copy, Buffer.from('libc.musl-x86_64.so.1')]));
  assert.match(addonProblem(musl)!, /was built for musl; this process runs on glibc/);
  const newer = changed('newer.node', (copy) => Buffer.concat([copy, Buffer.from('libc.so.6 GLIBC_9.99')]));
  assert.match(addonProblem(newer)!, /needs glibc 9\.99; this process runs on \d/);
});

test('programs run in our own process: a socket that Node has no function for', async () => {
  const own = new OwnCalls();
  const AF_UNIX = 1;
  const SOCK_DGRAM = 2;
  const call = await own.run('socket', (p) => p.sys.socket(AF_UNIX, SOCK_DGRAM, 0).must('make a socket'));
  assert.ok(call.result >= 3);
  closeSync(call.result);
  await assert.rejects(
    own.run('bad', (p) => p.sys.socket(9999, SOCK_DGRAM, 0).must('make a socket')),
    /cannot make a socket/,
  );
  own.close();
});
