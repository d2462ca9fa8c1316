/** Processes with (fake) CUDA state through whole dumps and restores by the command, with the plugin. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { FakeGpus, uuidOf } from '../../../plugins/cuda/test/mock/gpus.js';
import { CudaTarget } from '../../../plugins/cuda/test/mock/target.js';
import { ours } from '../../helpers/tools.js';
import { mockWords, stateOf } from './mock-command.js';

let gpus: FakeGpus;
let target: CudaTarget;
let words: string[];

beforeEach(async () => {
  gpus = await FakeGpus.start([{ uuid: uuidOf(1) }, { uuid: uuidOf(2) }]);
  target = await CudaTarget.start(gpus, 'device', { arguments: [2, 64] });
  words = await mockWords(target, gpus);
});
afterEach(async () => {
  await target.close();
  await gpus.close();
});

const record = () =>
  JSON.parse(readFileSync(join(target.subject.images, 'plugins.json'), 'utf8')) as {
    plugins: { name: string; facts: Record<string, unknown> }[];
  };

test('device memory survives dump, kill and restore, and the record tells of it', async () => {
  const hash = await target.hash();
  const dumped = await target.subject.dump(ours, words);
  assert.equal(dumped.status, 0, dumped.text);
  const [plugin] = record().plugins;
  assert.equal(plugin?.name, 'cuda_plugin');
  assert.equal(plugin.facts.backend, 'driver');
  assert.deepEqual(
    (plugin.facts.devices as { uuid: string }[]).map(({ uuid }) => uuid),
    [uuidOf(1), uuidOf(2)],
  );
  const [task] = plugin.facts.tasks as { pid: number; movedBytes: number }[];
  assert.equal(task?.pid, target.pid);
  assert.ok(task.movedBytes >= 128 * 1024, `${task.movedBytes} bytes were moved`);
  assert.equal((await gpus.stats()).allocations, 0);
  const restored = await target.subject.restore(ours, words);
  assert.equal(restored.status, 0, restored.text);
  assert.equal(await stateOf(gpus, target.pid), 'running');
  assert.equal(await target.hash(), hash);
  await target.finish();
});

test('a tree that goes on after the dump has its devices back', async () => {
  const hash = await target.hash();
  const dumped = await target.subject.dump(ours, ['-R', ...words]);
  assert.equal(dumped.status, 0, dumped.text);
  assert.equal(await stateOf(gpus, target.pid), 'running');
  assert.equal(await target.hash(), hash);
  await target.finish();
});

test('a dump that fails half-way says why, and leaves the process as it was', async () => {
  const hash = await target.hash();
  await gpus.fail('checkpoint', 1, 801);
  await assert.rejects(
    target.subject.dump(ours, words),
    // The next step is the plugin's own, not the usual one.
    new RegExp(
      `plugin cuda_plugin .*pid ${target.pid}: checkpoint: CUDA_ERROR_NOT_SUPPORTED \\(801\\)[^]*target: running. {2}Try: Managed memory`,
    ),
  );
  assert.equal(await stateOf(gpus, target.pid), 'running');
  assert.equal(await target.hash(), hash);
  await target.finish();
});

test('a restore whose devices cannot be had fails, and leaves nothing', async () => {
  assert.equal((await target.subject.dump(ours, words)).status, 0);
  await gpus.fail('restore', 1, 2);
  await assert.rejects(target.subject.restore(ours, words), /restore: CUDA_ERROR_OUT_OF_MEMORY \(2\)/);
  assert.deepEqual(target.subject.processes(), []);
});

test('a host without a device is refused before any process exists', async () => {
  assert.equal((await target.subject.dump(ours, words)).status, 0);
  await gpus.halt();
  await assert.rejects(
    target.subject.restore(ours, words),
    /CR_PLUGIN_MISSING[^]*cuda_plugin: [^]*CUDA_ERROR_NO_DEVICE[^]*target: not started/,
  );
});

test('a host with another device of the same model takes the process', async () => {
  const hash = await target.hash();
  assert.equal((await target.subject.dump(ours, words)).status, 0);
  await gpus.restart([{ uuid: uuidOf(2) }, { uuid: uuidOf(7) }]);
  const restored = await target.subject.restore(ours, words);
  assert.equal(restored.status, 0, restored.text);
  assert.equal(await target.hash(), hash);
  await target.finish();
});

test('a set as the plugin of CRIU leaves it comes back: its name is in the inventory, and nothing else of it', async () => {
  const hash = await target.hash();
  assert.equal((await target.subject.dump(ours, words)).status, 0);
  for (const name of ['plugins.json', 'criu-ts-extra.json']) rmSync(join(target.subject.images, name), { force: true });
  const restored = await target.subject.restore(ours, words);
  assert.equal(restored.status, 0, restored.text);
  assert.equal(await stateOf(gpus, target.pid), 'running');
  assert.equal(await target.hash(), hash);
  await target.finish();
});
