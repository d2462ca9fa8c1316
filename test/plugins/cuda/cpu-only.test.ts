/** Trees without CUDA state on a host with a driver and the plugin: the driver is left alone, and nothing is recorded. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { ImageReader } from '../../../core/images/reader.js';
import { FakeGpus } from '../../../plugins/cuda/test/mock/gpus.js';
import { passAfterGo, waitReady } from '../../helpers/scenario.js';
import { Subject } from '../../helpers/subject.js';
import { ours } from '../../helpers/tools.js';
import { buildVictim, victims } from '../../helpers/victims.js';
import { mockLibrary } from './mock-command.js';

let gpus: FakeGpus;
let subject: Subject;
let plugin: string[];

beforeEach(async () => {
  gpus = await FakeGpus.start();
  subject = new Subject('cpu-only');
  // Whoever loads the driver meets the fake one, which notes it.
  Object.assign(subject.env, await gpus.environment());
  plugin = ['--enable-plugin', `cuda_plugin:libcuda=${await mockLibrary()}`];
});
afterEach(async () => {
  await subject.close();
  await gpus.close();
});

async function start(name: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const victim = victims().find((one) => one.name === name);
  assert.ok(victim);
  subject.start(subject.install(await buildVictim(victim)), [], env);
  await waitReady(subject);
}

/** Through a dump that lets it go on, and one that does not; `check` comes between them. */
async function cycle(check: () => Promise<void>): Promise<void> {
  const family = subject.family();
  await dump(['-R']);
  await check();
  await dump([]);
  await subject.waitGone('after the dump', family);
  // Another host: no driver, no plugin.
  await gpus.halt();
  const restored = await subject.restore(ours);
  assert.equal(restored.status, 0, restored.text);
  await passAfterGo(subject);
}

async function dump(options: readonly string[]): Promise<void> {
  const dumped = await subject.dump(ours, [...options, ...plugin]);
  assert.equal(dumped.status, 0, dumped.text);
  assert.deepEqual(new ImageReader(subject.images).readOne('inventory').plugins_entry?.plugins ?? [], []);
  assert.ok(!existsSync(join(subject.images, 'plugins.json')), 'there is a record of plugins');
}

for (const name of ['threads-10', 'tree-3']) {
  test(`${name}: no helper is started, the driver is not called, and the inventory names no plugin`, async () => {
    await start(name);
    // A helper calls cuInit first of all.
    await cycle(async () => assert.deepEqual(await gpus.events(), []));
  });
}

test('a process that has the driver loaded and does not use it: asked about, and nothing recorded', async () => {
  await start('threads-10', { LD_PRELOAD: await mockLibrary() });
  await cycle(async () => {
    const asked = (await gpus.events()).filter(({ what, target }) => what === 'begin' && target === subject.pid).map(({ call }) => call);
    assert.deepEqual([...new Set(asked)], ['get-restore-tid']);
  });
});
