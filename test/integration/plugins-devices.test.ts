/** Plugins in real dumps: who is called when, what is recorded, and that the tree goes on whatever they do. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePlugin, type PluginHost } from '../../plugins/sdk/index.js';
import { DEVICE, deviceCase, devicePlugin, failure, FD, inventoryNames, isGone, runs, stateOf } from '../helpers/device-case.js';

const its = deviceCase();

test('without a plugin the device is refused, and the tree runs', async () => {
  const error = await failure(its.target.dump({}));
  assert.equal(error.code, 'CR_UNSUPPORTED');
  assert.match(error.message, /fd 7 is the device \/dev\/fuse/);
});

test('a claimed device goes through dump and restore; the host records the plugin', async () => {
  const calls: string[] = [];
  const plugin = devicePlugin(calls);
  await its.target.dump({ plugins: [plugin] });
  assert.deepEqual(inventoryNames(its.folder), ['device_plugin']);
  const record = JSON.parse(readFileSync(join(its.folder, 'plugins.json'), 'utf8')) as {
    plugins: { name: string; version: string; objects: { fd: number }[] }[];
  };
  assert.equal(record.plugins[0]?.version, '1.2.3');
  assert.deepEqual(
    record.plugins[0]?.objects.map(({ fd }) => fd),
    [FD],
  );
  await its.target.restore({ plugins: [plugin] });
  assert.equal(readlinkSync(`/proc/${its.target.pid}/fd/${FD}`), DEVICE);
  assert.deepEqual(calls, [`save ${FD} ${DEVICE}`, 'open']);
});

test('a plugin that took nothing is not recorded, and the restore needs none', async () => {
  const plain = await its.start('sleep', ['1000']);
  await plain.dump({ plugins: [devicePlugin([])] });
  assert.deepEqual(inventoryNames(plain.imagesDir), []);
  assert.equal(existsSync(join(plain.imagesDir, 'plugins.json')), false);
  await plain.restore({});
});

test('restore refuses by name before anything exists when the plugin is not there', async () => {
  await its.target.dump({ plugins: [devicePlugin([])] });
  const error = await failure(its.target.restore({}));
  assert.equal(error.code, 'CR_PLUGIN_MISSING');
  assert.equal(error.target, 'not started');
  assert.match(error.message, /device_plugin: missing .*1\.2\.3 wrote the checkpoint/);
  assert.ok(isGone(its.target.pid));
});

test('a name matches as a whole, and the data must be of a version that is read', async () => {
  await its.target.dump({ plugins: [devicePlugin([])] });
  const longer = devicePlugin([], undefined, { name: 'device_plugin_v2' });
  assert.match((await failure(its.target.restore({ plugins: [longer] }))).message, /device_plugin: missing/);
  const newer = devicePlugin([], undefined, { image: { writes: '2.0.0', reads: '^2.0.0' } });
  assert.match(
    (await failure(its.target.restore({ plugins: [newer] }))).message,
    /device_plugin: wrong version \(.*reads images \^2\.0\.0/,
  );
});

test('pause, checkpoint and resume: in order, undone when the dump fails later', async () => {
  const calls: string[] = [];
  const plugin = devicePlugin(calls, (host) => {
    host.on('dump.pauseDevices', ({ tasks }) => {
      calls.push(`pause ${tasks.length}`);
      return [{ pid: its.target.pid, what: 'work' }];
    });
    host.on('dump.checkpointDevices', ({ tasks }) => void calls.push(`checkpoint ${stateOf(tasks[0]!.pid)}`));
    host.on('dump.resumeDevices', ({ outcome, tasks }) => void calls.push(`resume ${outcome} ${stateOf(tasks[0]!.pid)}`));
  });
  // The script is run after everything was stored.
  const error = await failure(its.target.dump({ plugins: [plugin], actionScripts: ['/bin/false'] }));
  assert.equal(error.code, 'CR_SCRIPT');
  assert.deepEqual(calls, []);
  await its.target.dump({ plugins: [plugin], leaveRunning: true });
  assert.deepEqual(calls, ['pause 1', 'checkpoint t', `save ${FD} ${DEVICE}`, 'resume running t']);
  assert.ok(runs(its.target.pid));
});

test('a post-dump script that fails: the tree goes on, with its devices', async () => {
  const calls: string[] = [];
  const script = join(its.folder, 'post-dump.sh');
  writeFileSync(script, '#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" != post-dump ]\n', { mode: 0o755 });
  const plugin = devicePlugin(calls, (host) => {
    host.on('dump.pauseDevices', () => [{ pid: its.target.pid, what: 'work' }]);
    host.on('dump.resumeDevices', ({ outcome, tasks }) => void calls.push(`resume ${outcome} ${stateOf(tasks[0]!.pid)}`));
  });
  const error = await failure(its.target.dump({ plugins: [plugin], actionScripts: [script] }));
  assert.equal(error.code, 'CR_SCRIPT');
  assert.deepEqual(calls, [`save ${FD} ${DEVICE}`, 'resume failed t']);
  assert.ok(runs(its.target.pid));
  assert.equal(existsSync(join(its.folder, 'inventory.img')), false);
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
    const error = await failure(its.target.dump({ plugins: [plugin] }));
    assert.equal(error.code, 'CR_PLUGIN');
    assert.match(error.message, new RegExp(`device_plugin 1.2.3 in ${hook}: no such queue`));
    assert.match(error.report(), /plugins-devices\.test\.js:\d+/);
    assert.equal(error.target, 'running');
    assert.equal(resumed, 1);
    assert.ok(runs(its.target.pid));
    assert.equal(existsSync(join(its.folder, 'inventory.img')), false);
  });

test('a hook that hangs is cut off after its deadline; the tree runs', async () => {
  const plugin = devicePlugin([], (host) => host.on('dump.checkpointDevices', () => new Promise<void>(() => undefined)), {
    deadlines: { 'dump.checkpointDevices': 200 },
  });
  const error = await failure(its.target.dump({ plugins: [plugin] }));
  assert.match(error.message, /did not answer within 200 ms/);
  assert.ok(runs(its.target.pid));
});

test('an abort ends the waiting for a hook', async () => {
  const abort = new AbortController();
  const plugin = devicePlugin([], (host) =>
    host.on('dump.checkpointDevices', () => {
      abort.abort();
      return new Promise<void>(() => undefined);
    }),
  );
  const error = await failure(its.target.dump({ plugins: [plugin], signal: abort.signal }));
  assert.equal(error.code, 'CR_ABORTED');
  assert.ok(runs(its.target.pid));
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
  const error = await failure(its.target.dump({ plugins: [plugin] }));
  assert.equal(during, 'S', 'while JavaScript was blocked');
  assert.equal(error.target, 'running');
  assert.ok(runs(its.target.pid));
});

test('checkpointDevices may ask for the tree to run again, a bounded number of times', async () => {
  const calls: string[] = [];
  const plugin = devicePlugin(calls, (host) => {
    host.on('dump.pauseDevices', () => void calls.push('pause'));
    host.on('dump.checkpointDevices', () => (calls.filter((call) => call === 'pause').length < 2 ? { retry: 'somebody new' } : undefined));
  });
  await its.target.dump({ plugins: [plugin], leaveRunning: true });
  assert.deepEqual(calls, ['pause', 'pause', `save ${FD} ${DEVICE}`]);
  const forever = devicePlugin([], (host) => host.on('dump.checkpointDevices', () => ({ retry: 'again' })));
  const error = await failure(its.target.dump({ plugins: [forever], leaveRunning: true }));
  assert.match(error.message, /stopped 3 times .*again/);
  assert.ok(runs(its.target.pid));
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
  await its.target.dump({ plugins: [plugin] });
  assert.deepEqual(states, ['t', 'S', 't']);
  const back: (string | undefined)[] = [];
  const restoring = devicePlugin([], (host) =>
    host.on('restore.resumeDevices', ({ tasks }) =>
      tasks[0]!.runThread(tasks[0]!.pid, () => Promise.resolve(void back.push(stateOf(tasks[0]!.pid)))),
    ),
  );
  await its.target.restore({ plugins: [restoring] });
  assert.equal(back.length, 1);
});

test('a failing restore.resumeDevices fails the restore, and nothing is left', async () => {
  await its.target.dump({ plugins: [devicePlugin([])] });
  const plugin = devicePlugin([], (host) =>
    host.on('restore.resumeDevices', () => {
      throw new Error('out of memory');
    }),
  );
  const error = await failure(its.target.restore({ plugins: [plugin] }));
  assert.match(error.message, /restore\.resumeDevices: out of memory/);
  assert.equal(error.target, 'destroyed');
  assert.ok(isGone(its.target.pid));
});

test('two claimants are an error until they are ranked', async () => {
  const second = devicePlugin([], undefined, { name: 'other_plugin' });
  const error = await failure(its.target.dump({ plugins: [devicePlugin([]), second] }));
  assert.match(error.message, /claimed by 2 plugins: device_plugin, other_plugin/);
  const calls: string[] = [];
  await its.target.dump({ plugins: [devicePlugin(calls), second], pluginRanking: ['device_plugin'] });
  assert.equal(calls.length, 1);
  assert.deepEqual(inventoryNames(its.folder), ['device_plugin']);
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
  const error = await failure(its.target.dump({ plugins: [plugin] }));
  assert.match(error.message, /still there after plugin gone_plugin/);
  assert.equal(error.subject.pid, its.target.pid);
  assert.equal(error.subject.fd, FD);
  assert.match(error.hint ?? '', /too old/);
  assert.ok(runs(its.target.pid));
});

test('an unlisted hook, a late tap and a file of another name are refused', async () => {
  const unlisted = devicePlugin([], (host) => host.on('dump.devicesLate', () => undefined));
  assert.match((await failure(its.target.dump({ plugins: [unlisted] }))).message, /dump\.devicesLate is not in the manifest/);
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
  await its.target.dump({ plugins: [keeps], leaveRunning: true });
  assert.equal(calls[0], 'checked');
});

test('what a plugin is given cannot be changed: it is blamed, and the next one sees what it saw', async () => {
  const attempts: readonly ((host: PluginHost) => void)[] = [
    (host) => host.on('dump.pauseDevices', ({ tasks }) => void (tasks as unknown[]).push('more')),
    (host) => host.on('dump.checkpointDevices', (tree) => void Object.assign(tree.tasks[0]!, { pid: 1 })),
    (host) => host.onStage('dump.freeze:before', (event) => void Object.assign(event, { pid: 1 })),
    (host) => host.on('dump.pauseDevices', () => void Object.assign(host.options, { more: 1 })),
  ];
  for (const attempt of attempts) {
    const error = await failure(its.target.dump({ plugins: [devicePlugin([], attempt)] }));
    assert.match(error.message, /plugin device_plugin 1\.2\.3 in dump\.\S+: Cannot (add|assign)/);
    assert.ok(runs(its.target.pid));
  }
});
