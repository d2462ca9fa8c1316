/** Plugins in real dumps and restores: who is called when, what is recorded, and that the tree goes on whatever they do. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CrError, createLog, dump, restore, type DumpOptions } from '../../core/index.js';
import { ImageReader } from '../../core/images/reader.js';
import { readStat } from '../../core/kernel/procfs/stat.js';
import { ProcReader } from '../../core/kernel/procfs/reader.js';
import { definePlugin, type PluginDefinition, type PluginHost } from '../../plugins/sdk/index.js';

const DEVICE = '/dev/fuse';
const DEVICE_MAJOR = 10;
const FD = 7;

let folder: string;
let target: ChildProcess;
let lines: string[];
const started: number[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'criu-ts-plugins-'));
  lines = [];
  // One device that nothing built in dumps.
  target = spawn('/bin/bash', ['-c', `exec ${FD}<>${DEVICE}; exec sleep 1000`], { detached: true, stdio: 'ignore' });
  started.push(target.pid!);
  while (!/^sleep/.test(readFileSync(`/proc/${target.pid}/comm`, 'utf8'))) await sleep(5);
});

afterEach(() => {
  for (const pid of started.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  rmSync(folder, { recursive: true });
});

type Parts = Partial<Omit<PluginDefinition, 'apply' | 'hooks'>>;

/** A plugin for the device, which notes what it is asked. */
function devicePlugin(calls: string[], more: (host: PluginHost) => void = () => undefined, parts: Parts = {}): PluginDefinition {
  return definePlugin({
    name: 'device_plugin',
    version: '1.2.3',
    api: '^1.0.0',
    image: { writes: '1.0.0', reads: '^1.0.0' },
    claims: { charMajors: [DEVICE_MAJOR] },
    hooks: {
      'dump.claimFile': 'claim',
      'dump.saveFile': 'owner',
      'dump.pauseDevices': 'broadcast',
      'dump.checkpointDevices': 'broadcast',
      'dump.resumeDevices': 'broadcast',
      'restore.openFile': 'owner',
      'restore.resumeDevices': 'broadcast',
      'dump.freeze:before': 'stage',
    },
    ...parts,
    apply(host) {
      host.on('dump.claimFile', () => ({ what: DEVICE }));
      host.on('dump.saveFile', ({ id, fd, link }) => {
        calls.push(`save ${fd} ${link}`);
        host.images.write('device_plugin-files.json', JSON.stringify({ id, link }));
      });
      host.on('restore.openFile', ({ id, flags }) => {
        const saved = JSON.parse(Buffer.from(host.images.read('device_plugin-files.json')).toString()) as { id: number; link: string };
        assert.equal(saved.id, id);
        calls.push('open');
        return { fd: openSync(saved.link, flags & 3) };
      });
      more(host);
    },
  });
}

function options(more: Partial<DumpOptions>): DumpOptions {
  const log = createLog({ verbosity: 4, sink: (line) => lines.push(line) });
  return { pid: target.pid!, imagesDir: folder, log, ...more };
}

const stateOf = (pid: number) => readStat(new ProcReader(), pid)?.state;
/** It runs: asleep, or just on its way there. */
const runs = (pid: number) => ['R', 'S'].includes(stateOf(pid) ?? '');

async function gone(pid: number): Promise<void> {
  while (!['Z', 'X', undefined].includes(stateOf(pid))) await sleep(5);
}

function inventoryNames(): readonly string[] | undefined {
  return new ImageReader(folder).readOne('inventory').plugins_entry?.plugins;
}

const failure = (work: Promise<unknown>): Promise<CrError> =>
  work.then(
    () => assert.fail('succeeded'),
    (error: unknown) => {
      assert.ok(error instanceof CrError, String(error));
      return error;
    },
  );

test('without a plugin the device is refused, and the tree runs', async () => {
  const error = await failure(dump(options({})));
  assert.equal(error.code, 'CR_UNSUPPORTED');
  assert.match(error.message, /fd 7 is the device \/dev\/fuse/);
});

test('a claimed device goes through dump and restore; the host records the plugin', async () => {
  const calls: string[] = [];
  const plugin = devicePlugin(calls);
  await dump(options({ plugins: [plugin] }));
  await gone(target.pid!);
  assert.deepEqual(inventoryNames(), ['device_plugin']);
  const record = JSON.parse(readFileSync(join(folder, 'plugins.json'), 'utf8')) as {
    plugins: { name: string; version: string; objects: { fd: number }[] }[];
  };
  assert.equal(record.plugins[0]?.version, '1.2.3');
  assert.deepEqual(
    record.plugins[0]?.objects.map(({ fd }) => fd),
    [FD],
  );
  const { pid } = await restore({ imagesDir: folder, plugins: [plugin], detached: true });
  started.push(pid);
  assert.equal(readlinkSync(`/proc/${pid}/fd/${FD}`), DEVICE);
  assert.deepEqual(calls, [`save ${FD} ${DEVICE}`, 'open']);
});

test('a plugin that took nothing is not recorded, and the restore needs none', async () => {
  const plain = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  started.push(plain.pid!);
  await dump(options({ pid: plain.pid!, plugins: [devicePlugin([])] }));
  assert.deepEqual(inventoryNames(), []);
  assert.equal(existsSync(join(folder, 'plugins.json')), false);
  await gone(plain.pid!);
  started.push((await restore({ imagesDir: folder, detached: true })).pid);
});

test('restore refuses by name before anything exists when the plugin is not there', async () => {
  await dump(options({ plugins: [devicePlugin([])] }));
  await gone(target.pid!);
  const error = await failure(restore({ imagesDir: folder, detached: true }));
  assert.equal(error.code, 'CR_PLUGIN_MISSING');
  assert.equal(error.target, 'not started');
  assert.match(error.message, /device_plugin: missing .*1\.2\.3 wrote the checkpoint/);
  assert.equal(stateOf(target.pid!) === undefined || stateOf(target.pid!) === 'Z', true);
});

test('a name matches as a whole, and the data must be of a version that is read', async () => {
  await dump(options({ plugins: [devicePlugin([])] }));
  const longer = devicePlugin([], undefined, { name: 'device_plugin_v2' });
  assert.match((await failure(restore({ imagesDir: folder, plugins: [longer] }))).message, /device_plugin: missing/);
  const newer = devicePlugin([], undefined, { image: { writes: '2.0.0', reads: '^2.0.0' } });
  assert.match(
    (await failure(restore({ imagesDir: folder, plugins: [newer] }))).message,
    /device_plugin: wrong version \(.*reads images \^2\.0\.0/,
  );
});

test('pause, checkpoint and resume: in order, undone when the dump fails later', async () => {
  const calls: string[] = [];
  const plugin = devicePlugin(calls, (host) => {
    host.on('dump.pauseDevices', ({ tasks }) => {
      calls.push(`pause ${tasks.length}`);
      return [{ pid: target.pid!, what: 'work' }];
    });
    host.on('dump.checkpointDevices', ({ tasks }) => void calls.push(`checkpoint ${stateOf(tasks[0]!.pid)}`));
    host.on('dump.resumeDevices', ({ outcome, tasks }) => void calls.push(`resume ${outcome} ${stateOf(tasks[0]!.pid)}`));
  });
  // The script is run after everything was stored.
  const error = await failure(dump(options({ plugins: [plugin], actionScripts: ['/bin/false'] })));
  assert.equal(error.code, 'CR_SCRIPT');
  assert.deepEqual(calls, []);
  await dump(options({ plugins: [plugin], leaveRunning: true }));
  assert.deepEqual(calls, ['pause 1', 'checkpoint t', `save ${FD} ${DEVICE}`, 'resume running t']);
  assert.ok(runs(target.pid!));
});

for (const hook of ['dump.pauseDevices', 'dump.checkpointDevices'] as const)
  test(`${hook} throws: who, where, and the tree runs; what was paused is resumed`, async () => {
    let resumed = 0;
    const plugin = devicePlugin([], (host) => {
      host.on(hook, () => {
        throw new Error('no such queue');
      });
      host.on('dump.resumeDevices', () => void resumed++);
    });
    const error = await failure(dump(options({ plugins: [plugin] })));
    assert.equal(error.code, 'CR_PLUGIN');
    assert.match(error.message, new RegExp(`device_plugin 1.2.3 in ${hook}: no such queue`));
    assert.match(error.report(), /plugins-devices\.test\.js:\d+/);
    assert.equal(error.target, 'running');
    assert.equal(resumed, 1);
    assert.ok(runs(target.pid!));
    assert.equal(existsSync(join(folder, 'inventory.img')), false);
  });

test('a hook that hangs is cut off after its deadline; the tree runs', async () => {
  const plugin = devicePlugin([], (host) => host.on('dump.checkpointDevices', () => new Promise<void>(() => undefined)), {
    deadlines: { 'dump.checkpointDevices': 200 },
  });
  const error = await failure(dump(options({ plugins: [plugin] })));
  assert.match(error.message, /did not answer within 200 ms/);
  assert.ok(runs(target.pid!));
});

test('an abort ends the waiting for a hook', async () => {
  const abort = new AbortController();
  const plugin = devicePlugin([], (host) =>
    host.on('dump.checkpointDevices', () => {
      abort.abort();
      return new Promise<void>(() => undefined);
    }),
  );
  const error = await failure(dump(options({ plugins: [plugin], signal: abort.signal })));
  assert.equal(error.code, 'CR_ABORTED');
  assert.ok(runs(target.pid!));
});

test('an event loop that is blocked does not keep the tree frozen', async () => {
  let during: string | undefined;
  const plugin = devicePlugin(
    [],
    (host) =>
      host.on('dump.checkpointDevices', ({ tasks }) => {
        for (const end = Date.now() + 3_500; Date.now() < end;) continue;
        during = stateOf(tasks[0]!.pid);
      }),
    { deadlines: { 'dump.checkpointDevices': 500 } },
  );
  const error = await failure(dump(options({ plugins: [plugin] })));
  assert.equal(during, 'S', 'while JavaScript was blocked');
  assert.equal(error.target, 'running');
  assert.ok(runs(target.pid!));
});

test('checkpointDevices may ask for the tree to run again, a bounded number of times', async () => {
  const calls: string[] = [];
  const plugin = devicePlugin(calls, (host) => {
    host.on('dump.pauseDevices', () => void calls.push('pause'));
    host.on('dump.checkpointDevices', () => (calls.filter((call) => call === 'pause').length < 2 ? { retry: 'somebody new' } : undefined));
  });
  await dump(options({ plugins: [plugin], leaveRunning: true }));
  assert.deepEqual(calls, ['pause', 'pause', `save ${FD} ${DEVICE}`]);
  const forever = devicePlugin([], (host) => host.on('dump.checkpointDevices', () => ({ retry: 'again' })));
  const error = await failure(dump(options({ plugins: [forever], leaveRunning: true })));
  assert.match(error.message, /stopped 3 times .*again/);
  assert.ok(runs(target.pid!));
});

test('a thread of the stopped tree runs for a plugin, and is stopped again', async () => {
  const states: (string | undefined)[] = [];
  const plugin = devicePlugin([], (host) =>
    host.on('dump.checkpointDevices', async ({ tasks }) => {
      const [task] = tasks;
      states.push(stateOf(task!.pid));
      await task!.runThread(task!.pid, async () => {
        await sleep(20);
        states.push(stateOf(task!.pid));
      });
      states.push(stateOf(task!.pid));
    }),
  );
  await dump(options({ plugins: [plugin] }));
  assert.deepEqual(states, ['t', 'S', 't']);
  await gone(target.pid!);
  const back: (string | undefined)[] = [];
  const restoring = devicePlugin([], (host) =>
    host.on('restore.resumeDevices', ({ tasks }) =>
      tasks[0]!.runThread(tasks[0]!.pid, () => Promise.resolve(void back.push(stateOf(tasks[0]!.pid)))),
    ),
  );
  started.push((await restore({ imagesDir: folder, plugins: [restoring], detached: true })).pid);
  assert.equal(back.length, 1);
});

test('a failing restore.resumeDevices fails the restore, and nothing is left', async () => {
  await dump(options({ plugins: [devicePlugin([])] }));
  await gone(target.pid!);
  const plugin = devicePlugin([], (host) =>
    host.on('restore.resumeDevices', () => {
      throw new Error('out of memory');
    }),
  );
  const error = await failure(restore({ imagesDir: folder, plugins: [plugin], detached: true }));
  assert.match(error.message, /restore\.resumeDevices: out of memory/);
  assert.equal(error.target, 'destroyed');
  assert.ok([undefined, 'Z', 'X'].includes(stateOf(target.pid!)));
});

test('two claimants are an error until they are ranked', async () => {
  const second = devicePlugin([], undefined, { name: 'other_plugin' });
  const error = await failure(dump(options({ plugins: [devicePlugin([]), second] })));
  assert.match(error.message, /claimed by 2 plugins: device_plugin, other_plugin/);
  const calls: string[] = [];
  await dump(options({ plugins: [devicePlugin(calls), second], pluginRanking: ['device_plugin'] }));
  assert.equal(calls.length, 1);
  assert.deepEqual(inventoryNames(), ['device_plugin']);
});

test('what was claimed to be gone by the time of the dump, and is not, is told with pid, fd and cause', async () => {
  const plugin = definePlugin({
    name: 'gone_plugin',
    version: '1.0.0',
    api: '^1.0.0',
    image: { writes: '1.0.0', reads: '^1.0.0' },
    claims: { paths: ['/dev/fu*'] },
    hooks: { 'dump.claimFile': 'claim' },
    apply: (host) => host.on('dump.claimFile', () => ({ what: 'a device', goneOr: 'its driver is too old' })),
  });
  const error = await failure(dump(options({ plugins: [plugin] })));
  assert.match(error.message, /still there after plugin gone_plugin/);
  assert.equal(error.subject.pid, target.pid);
  assert.equal(error.subject.fd, FD);
  assert.match(error.hint ?? '', /too old/);
  assert.ok(runs(target.pid!));
});

test('an unlisted hook, a late tap and a file of another name are refused', async () => {
  const unlisted = devicePlugin([], (host) => host.on('dump.devicesLate', () => undefined));
  assert.match((await failure(dump(options({ plugins: [unlisted] })))).message, /dump\.devicesLate is not in the manifest/);
  let late: PluginHost | undefined;
  const calls: string[] = [];
  const keeps = devicePlugin(calls, (host) => {
    late = host;
    host.onStage('dump.freeze:before', () => {
      assert.throws(() => late!.on('dump.pauseDevices', () => undefined), /after apply/);
      assert.throws(() => host.images.write('inventory.img', 'x'), /must be called device_plugin-/);
      calls.push('checked');
    });
  });
  await dump(options({ plugins: [keeps], leaveRunning: true }));
  assert.equal(calls[0], 'checked');
});

const BLOCK = '/dev/loop0';
const BLOCK_MAJOR = 7;
const MAPS = `
import mmap, os, time
fd = os.open('${BLOCK}', os.O_RDONLY)
one = mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ)
two = mmap.mmap(fd, 8192, mmap.MAP_SHARED, mmap.PROT_READ, offset=4096)
open('ready', 'w').close()
time.sleep(1000)
`;

/** Offsets of what a process maps of the device. */
function offsetsOf(pid: number): number[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  return lines.filter((line) => line.endsWith(BLOCK)).map((line) => parseInt(line.split(/\s+/)[2]!, 16));
}

/** Claims the block device, its descriptors and its mappings. */
function blockPlugin(
  more: (host: PluginHost) => void,
  filter: PluginDefinition['claims'] = { blockMajors: [BLOCK_MAJOR], paths: [BLOCK] },
): PluginDefinition {
  return definePlugin({
    name: 'block_plugin',
    version: '1.0.0',
    api: '^1.0.0',
    image: { writes: '1.0.0', reads: '^1.0.0' },
    claims: filter,
    hooks: {
      'dump.claimFile': 'claim',
      'dump.claimMapping': 'claim',
      'dump.saveFile': 'owner',
      'restore.openFile': 'owner',
      'restore.mapDevice': 'owner',
    },
    apply(host) {
      host.on('dump.claimFile', ({ type }) => (type === 'block device' ? { what: BLOCK } : undefined));
      host.on('dump.claimMapping', ({ shared }) => (shared ? { what: BLOCK } : undefined));
      host.on('restore.openFile', () => ({ fd: openSync(BLOCK, 'r') }));
      more(host);
    },
  });
}

test('mappings of a device are claimed, recorded by address, and lead where the plugin says', async () => {
  const child = spawn('python3', ['-c', MAPS], { detached: true, stdio: 'ignore', cwd: folder });
  started.push(child.pid!);
  while (!existsSync(join(folder, 'ready'))) await sleep(10);
  const refused = await failure(dump(options({ pid: child.pid! })));
  assert.match(refused.message, new RegExp(`mapping [0-9a-f-]+ is the device ${BLOCK}`));
  const asked: { offset: number; path: string }[] = [];
  const plugin = blockPlugin((host) =>
    host.on('restore.mapDevice', ({ offset, path }) => {
      asked.push({ offset, path });
      return offset === 0 ? { offset: 65_536 } : offset === 4096 ? { fd: openSync(BLOCK, 'r') } : undefined;
    }),
  );
  await dump(options({ pid: child.pid!, plugins: [plugin] }));
  await gone(child.pid!);
  const record = JSON.parse(readFileSync(join(folder, 'plugins.json'), 'utf8')) as {
    plugins: { objects: { address?: number; hook: string }[] }[];
  };
  const mapped = record.plugins[0]!.objects.filter(({ hook }) => hook === 'dump.claimMapping');
  assert.equal(mapped.length, 2);
  const { pid } = await restore({ imagesDir: folder, plugins: [plugin], detached: true });
  started.push(pid);
  assert.deepEqual(asked.map(({ offset }) => offset).sort(), [0, 4096]);
  assert.ok(asked.every(({ path }) => path.includes(BLOCK)));
  assert.deepEqual(
    offsetsOf(pid).sort((a, b) => a - b),
    [4096, 65_536],
  );
});

test('a mapping that should have gone and has not is told by its address', async () => {
  const child = spawn('python3', ['-c', MAPS], { detached: true, stdio: 'ignore', cwd: folder });
  started.push(child.pid!);
  while (!existsSync(join(folder, 'ready'))) await sleep(10);
  const plugin = definePlugin({
    name: 'gone_plugin',
    version: '1.0.0',
    api: '^1.0.0',
    image: { writes: '1.0.0', reads: '^1.0.0' },
    claims: { blockMajors: [BLOCK_MAJOR], paths: [BLOCK] },
    hooks: { 'dump.claimFile': 'claim', 'dump.claimMapping': 'claim', 'dump.saveFile': 'owner' },
    apply(host) {
      host.on('dump.claimFile', () => ({ what: BLOCK }));
      host.on('dump.claimMapping', () => ({ what: 'memory of a queue', goneOr: 'the queue was not drained' }));
    },
  });
  const error = await failure(dump(options({ pid: child.pid!, plugins: [plugin] })));
  assert.match(error.message, /is memory of a queue \(\/dev\/loop0\), and still mapped after plugin gone_plugin/);
  assert.equal(error.subject.pid, child.pid);
  assert.ok(Number(error.subject.addr) > 0);
  assert.ok(runs(child.pid!));
});
