/** Commands that are ended by SIGKILL half-way: what becomes of the CUDA state of the process. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildMock } from '../../../plugins/cuda/test/mock/build.js';
import { FakeGpus, uuidOf } from '../../../plugins/cuda/test/mock/gpus.js';
import { CudaTarget } from '../../../plugins/cuda/test/mock/target.js';
import { dumpArguments, ours, restoreArguments, type Step } from '../../helpers/tools.js';
import { mockWords, packageOf, stateOf } from './mock-command.js';
import mockHold from './mock-hold.js';

let gpus: FakeGpus;
let target: CudaTarget;
let words: string[];
let hold: string;
let hash: string;

beforeEach(async () => {
  gpus = await FakeGpus.start([{ uuid: uuidOf(1) }]);
  target = await CudaTarget.start(gpus, 'device', { arguments: [2, 64] });
  words = await mockWords(target, gpus);
  hold = packageOf(mockHold, 'mock-hold.js', target);
  hash = await target.hash();
});
afterEach(async () => {
  await target.close();
  await gpus.close();
});

/** Every helper of the driver back end whose surroundings are those of this test. */
function helpers(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const isHelper = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')[0]?.endsWith('criu-ts-cuda-helper') === true;
        return isHelper && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(target.subject.folder);
      } catch {
        return false; // It has ended.
      }
    });
}

/** Runs a command of ours up to some point, and ends it by SIGKILL. */
async function killWhen(args: (step: Step) => string[], options: readonly string[], reached: () => Promise<void>): Promise<void> {
  const step = { images: target.subject.images, work: target.subject.folder, options: [...words, ...options] };
  let engine = 0;
  const done = target.subject.call(ours, args(step), 30_000, (pid) => (engine = pid));
  await reached();
  process.kill(engine, 'SIGKILL');
  assert.equal((await done).signal, 'SIGKILL');
}

/** Dumps up to a stage, does something, and ends the command. */
function killAt(stage: 'pause' | 'checkpoint' | 'late', before: () => void = () => undefined): Promise<void> {
  const file = join(target.subject.folder, `held-${stage}`);
  const options = ['--enable-plugin', `${hold}:at=${stage},file=${file}`];
  return killWhen(
    (step) => dumpArguments(target.pid, step),
    options,
    async () => {
      await target.subject.waitUntil(() => existsSync(file), `the stage ${stage}`);
      before();
    },
  );
}

async function helpersGone(): Promise<void> {
  for (let i = 0; i < 400 && helpers().length > 0; i++) await sleep(25);
  assert.deepEqual(helpers(), [], 'a helper stays');
}

for (const [stage, what] of [
  ['pause', 'all is locked and the tree runs'],
  ['checkpoint', 'device memory is in the process'],
  ['late', 'the process is dumped, and the engine is in its memory'],
] as const) {
  test(`killed when ${what}: the process has its devices back, by itself`, async () => {
    await killAt(stage);
    await helpersGone();
    assert.equal(await stateOf(gpus, target.pid), 'running');
    assert.equal(await target.hash(), hash);
    // Nothing is left that a later dump would stumble over.
    const dumped = await target.subject.dump(ours, ['-R', ...words]);
    assert.equal(dumped.status, 0, dumped.text);
    assert.equal(await target.hash(), hash);
    await target.finish();
  });
}

for (const [stage, state] of [
  ['pause', 'locked'],
  ['checkpoint', 'checkpointed'],
] as const) {
  test(`killed together with its helper, the process stays ${state}; a dump and a restore bring it back`, async () => {
    await killAt(stage, () => helpers().forEach((pid) => process.kill(pid, 'SIGKILL')));
    await helpersGone();
    assert.equal(await stateOf(gpus, target.pid), state);
    const family = target.subject.family();
    assert.equal((await target.subject.dump(ours, words)).status, 0);
    await target.subject.waitGone('after the dump', family);
    const restored = await target.subject.restore(ours, words);
    assert.equal(restored.status, 0, restored.text);
    assert.equal(await stateOf(gpus, target.pid), 'running');
    assert.equal(await target.hash(), hash);
    await target.finish();
  });
}

test('with the program as back end nobody is left to let the process go: it stays locked, and a dump and a restore bring it back', async () => {
  const { tool } = await buildMock();
  words = words.map((word) => (word.startsWith('cuda_plugin:') ? `${word},backend=tool,tool=${join(tool, 'cuda-checkpoint')}` : word));
  await killAt('pause');
  assert.equal(await stateOf(gpus, target.pid), 'locked');
  const family = target.subject.family();
  assert.equal((await target.subject.dump(ours, words)).status, 0);
  await target.subject.waitGone('after the dump', family);
  assert.equal((await target.subject.restore(ours, words)).status, 0);
  assert.equal(await stateOf(gpus, target.pid), 'running');
  assert.equal(await target.hash(), hash);
  await target.finish();
});

test('a restore that is killed in the middle of a call takes the tree along, and can be tried again', async () => {
  const family = target.subject.family();
  assert.equal((await target.subject.dump(ours, words)).status, 0);
  await target.subject.waitGone('after the dump', family);
  await gpus.command('clear-events');
  await gpus.hang('restore');
  await killWhen(restoreArguments, [], async () => {
    while (!(await gpus.events()).some(({ what, call }) => what === 'begin' && call === 'restore')) await sleep(10);
  });
  await helpersGone();
  await target.subject.waitGone('after SIGKILL');
  assert.equal((await gpus.stats()).allocations, 0);
  assert.equal((await target.subject.restore(ours, words)).status, 0);
  assert.equal(await target.hash(), hash);
  await target.finish();
});
