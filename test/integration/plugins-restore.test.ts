/** Plugins in real restores: checks before anything exists, work inside the processes, files that wait for each other. */
import assert from 'node:assert/strict';
import { chmodSync, openSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { restore } from '../../core/index.js';
import type { RestoreOptionsPlan } from '../../plugins/sdk/index.js';
import { DEVICE, deviceCase, devicePlugin, failure, FD, isGone, plainPlugin } from '../helpers/device-case.js';

const its = deviceCase();

test('restore.check: reasons of all plugins together, in a dry run too; nothing exists', async () => {
  const takes = (name: string, reason: string) =>
    plainPlugin(name, { 'dump.pauseDevices': 'broadcast', 'restore.check': 'broadcast' }, (host) => {
      host.on('dump.pauseDevices', ({ root }) => [{ pid: root, what: 'a queue' }]);
      host.on('restore.check', ({ record, root }) => {
        assert.equal(record?.name, name);
        assert.equal(root, child.pid);
        return [reason];
      });
      host.fact('driver', '580.1');
    });
  const child = await its.start('sleep', ['1000']);
  const plugins = [takes('a_plugin', 'no GPU'), takes('b_plugin', 'driver 570 is too old')];
  await child.dump({ plugins });
  const record = JSON.parse(readFileSync(join(child.imagesDir, 'plugins.json'), 'utf8')) as { plugins: { facts: unknown }[] };
  assert.deepEqual(
    record.plugins.map(({ facts }) => facts),
    [{ driver: '580.1' }, { driver: '580.1' }],
  );
  for (const dryRun of [true, false]) {
    const error = await failure(restore({ imagesDir: child.imagesDir, plugins, dryRun }));
    assert.match(error.message, /a_plugin: no GPU\n {2}b_plugin: driver 570 is too old/);
    assert.equal(error.target, 'not started');
  }
});

test('restore.postForking runs system calls inside the processes; onFailure and onClose run last first', async () => {
  const calls: string[] = [];
  const child = await its.start('sleep', ['1000']);
  let fails = false;
  const plugin = plainPlugin(
    'inside_plugin',
    { 'dump.pauseDevices': 'broadcast', 'restore.init': 'broadcast', 'restore.postForking': 'broadcast' },
    (host) => {
      host.on('dump.pauseDevices', ({ root }) => [{ pid: root, what: 'a queue' }]);
      host.on('restore.init', () => {
        host.onFailure(() => void calls.push('failure'));
        host.onClose(() => void calls.push('close 1'));
        host.onClose(() => void calls.push('close 2'));
      });
      host.on('restore.postForking', async ({ tasks }) => {
        const pid = await tasks[0]!.run('ask.pid', (p) => p.sys.getpid().ignore('cannot fail'));
        calls.push(`pid ${pid.result}`);
        if (fails) await tasks[0]!.run('ask.bad', (p) => p.sys.close(999).must('close what is not open'));
      });
    },
  );
  await child.dump({ plugins: [plugin] });
  const { pid, exited } = await restore({ imagesDir: child.imagesDir, plugins: [plugin] });
  assert.deepEqual(calls, [`pid ${pid}`, 'close 2', 'close 1']);
  process.kill(pid, 'SIGKILL');
  await exited?.();
  calls.length = 0;
  fails = true;
  const error = await failure(restore({ imagesDir: child.imagesDir, plugins: [plugin], detached: true }));
  assert.match(error.message, /inside_plugin 1\.0\.0 in restore\.postForking: .*close what is not open/);
  assert.deepEqual(calls, [`pid ${pid}`, 'failure', 'close 2', 'close 1']);
  assert.ok(isGone(pid));
});

test('files that wait for others are opened when those are; a circle is told', async () => {
  const child = await its.start('/bin/bash', ['-c', `exec 6<>${DEVICE} ${FD}<>${DEVICE}; exec sleep 1000`]);
  await child.dump({ plugins: [devicePlugin([])] });
  const opening = (answer: (id: number, opened: number) => { fd: number } | { retry: string }) => {
    let opened = 0;
    return plainPlugin('device_plugin', { 'restore.openFile': 'owner' }, (host) =>
      host.on('restore.openFile', ({ id }) => {
        const given = answer(id, opened);
        if ('fd' in given) opened++;
        return given;
      }),
    );
  };
  const ids: number[] = [];
  // The first one that is asked waits for the other.
  const waits = opening((id, opened) => {
    ids.push(id);
    return opened === 0 && ids.length === 1 ? { retry: 'the other one first' } : { fd: openSync(DEVICE, 'r+') };
  });
  const { pid, exited } = await restore({ imagesDir: child.imagesDir, plugins: [waits] });
  assert.equal(ids.length, 3);
  assert.equal(readlinkSync(`/proc/${pid}/fd/6`), DEVICE);
  process.kill(pid, 'SIGKILL');
  await exited?.();
  const error = await failure(restore({ imagesDir: child.imagesDir, plugins: [opening(() => ({ retry: 'never' }))], detached: true }));
  assert.match(error.message, /2 files wait for each other:\n {2}file \d+: never/);
});

test('restore.options: one plugin after the other may change how files are looked at; nonsense is told', async () => {
  const file = join(its.folder, 'mode');
  writeFileSync(file, '', { mode: 0o600 });
  const child = await its.start('/bin/bash', ['-c', `exec 6<>${file} ${FD}<>${DEVICE}; exec sleep 1000`]);
  await child.dump({ plugins: [devicePlugin([])] });
  chmodSync(file, 0o644);
  const planning = (answer: (plan: RestoreOptionsPlan) => unknown) =>
    devicePlugin([], (host) => host.on('restore.options', (plan) => answer(plan) as RestoreOptionsPlan), {
      hooks: { 'dump.claimFile': 'claim', 'dump.saveFile': 'owner', 'restore.openFile': 'owner', 'restore.options': 'waterfall' },
    });
  assert.match((await failure(child.restore({ plugins: [devicePlugin([])] }))).message, /mode/);
  assert.match(
    (await failure(child.restore({ plugins: [planning((plan) => ({ ...plan, skipFileRwxCheck: 'yes' }))] }))).message,
    /device_plugin answered skipFileRwxCheck yes/,
  );
  await child.restore({ plugins: [planning((plan) => ({ ...plan, skipFileRwxCheck: true }))] });
  assert.ok(child.isRunning);
});
