/**
 * Images with CUDA state, exchanged with CRIU and its own cuda_plugin, over the fake driver. Distributions do not build that plugin, and it works only with the CRIU
 * that it was built with: CRIU_TS_CRIU_BUILD names a folder where `make criu cuda_plugin` of CRIU >= 4.2 was run.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ImageReader } from '../../core/images/reader.js';
import { buildMock } from '../../plugins/cuda/test/mock/build.js';
import { Caller } from '../../plugins/cuda/test/mock/caller.js';
import { FakeGpus, uuidOf } from '../../plugins/cuda/test/mock/gpus.js';
import { CudaTarget } from '../../plugins/cuda/test/mock/target.js';
import { processInfo } from '../helpers/processes.js';
import { Subject } from '../helpers/subject.js';
import { ours, type Tool } from '../helpers/tools.js';
import { mockWords, stateOf } from '../plugins/cuda/mock-command.js';

const BUILD = process.env['CRIU_TS_CRIU_BUILD'];
/** Makes CRIU's plugin believe in a GPU (gpu.md A.4.1). */
const BELIEVE = '138';

const skip = BUILD === undefined ? "CRIU's own cuda_plugin.so: CRIU_TS_CRIU_BUILD names no folder where it was built" : false;

describe('CUDA state, exchanged with CRIU', { skip }, () => {
  const at = (path: string) => join(BUILD ?? '', path);
  const criu: Tool = { name: 'criu-built', command: at('criu/criu') };
  const libdir = ['--libdir', at('plugins/cuda')];
  let gpus: FakeGpus;
  let target: CudaTarget;
  let words: string[];

  beforeEach(async () => {
    for (const path of [criu.command, at('plugins/cuda/cuda_plugin.so')])
      assert.ok(existsSync(path), `CRIU_TS_CRIU_BUILD: there is no ${path}`);
    gpus = await FakeGpus.start([{ uuid: uuidOf(1) }, { uuid: uuidOf(2) }]);
    target = await CudaTarget.start(gpus, 'device', { arguments: [4, 64, 100, 2] });
    words = await mockWords(target, gpus);
  });
  afterEach(async () => {
    await target.close();
    await gpus.close();
  });

  /** Lets CRIU's plugin find a cuda-checkpoint. */
  async function withTool(which: 'tool' | 'trivialTool'): Promise<void> {
    const { [which]: folder } = await buildMock();
    Object.assign(target.subject.env, { PATH: `${folder}:${target.subject.env['PATH']}`, CRIU_FAULT: BELIEVE });
  }

  async function dump(tool: Tool, options: readonly string[]): Promise<void> {
    const family = target.subject.family();
    await target.subject.dump(tool, options);
    if (!options.includes('-R')) await target.subject.waitGone('after the dump', family);
    assert.deepEqual(new ImageReader(target.subject.images).readOne('inventory').plugins_entry?.plugins, ['cuda_plugin']);
  }

  async function goesOn(hash: string): Promise<void> {
    assert.equal(await stateOf(gpus, target.pid), 'running');
    assert.equal(await target.hash(), hash);
    await target.finish();
  }

  test('CRIU dumps, we restore', async () => {
    await withTool('tool');
    const hash = await target.hash();
    await dump(criu, libdir);
    const own = readdirSync(target.subject.images).filter((name) => /cuda|plugin/.test(name));
    assert.deepEqual(own, [], 'the plugin of CRIU has no image of its own');
    assert.equal((await gpus.stats()).allocations, 0, 'device memory is in the images');
    await target.subject.restore(ours, words);
    await goesOn(hash);
  });

  test('we dump, CRIU restores', async () => {
    await withTool('tool');
    const hash = await target.hash();
    await dump(ours, words);
    await target.subject.restore(criu, libdir);
    await goesOn(hash);
  });

  test('both ways, one after the other', async () => {
    await withTool('tool');
    const hash = await target.hash();
    await dump(criu, libdir);
    await target.subject.restore(ours, words);
    await dump(ours, words);
    await target.subject.restore(criu, libdir);
    await goesOn(hash);
  });

  test('an image of a process that went on after the dump of the other tool', async () => {
    await withTool('tool');
    const hash = await target.hash();
    await dump(criu, ['-R', ...libdir]);
    assert.equal(await target.hash(), hash);
    await dump(ours, words);
    await target.subject.restore(criu, libdir);
    await goesOn(hash);
  });

  // Somebody else took the devices away before the dump, and both tools give them back.
  for (const [from, to] of [
    ['CRIU', 'us'],
    ['us', 'CRIU'],
  ] as const) {
    test(`a process that was checkpointed before the dump comes back running, from ${from} to ${to}`, async () => {
      await withTool('tool');
      const hash = await target.hash();
      const caller = await Caller.start(gpus);
      await caller.call(`lock ${target.pid}`);
      assert.equal(await caller.code(`checkpoint ${target.pid}`), 0);
      await caller.close();
      const [first, second] = from === 'CRIU' ? [criu, ours] : [ours, criu];
      await dump(first, first === criu ? libdir : words);
      await target.subject.restore(second, second === criu ? libdir : words);
      await goesOn(hash);
    });
  }

  test('a tree with two processes with CUDA state and one without, both ways', async () => {
    const tree = await CudaTarget.start(gpus, 'tree', { arguments: [1] });
    try {
      Object.assign(tree.subject.env, target.subject.env);
      await target.close();
      target = tree;
      words = await mockWords(target, gpus);
      await withTool('tool');
      await dump(criu, libdir);
      await target.subject.restore(ours, words);
      await dump(ours, words);
      await target.subject.restore(criu, libdir);
      for (const pid of [target.pid, target.childPid('gpu-1')]) assert.equal(await stateOf(gpus, pid), 'running');
      await target.finish();
    } finally {
      await tree.close();
    }
  });

  // As in CRIU's own test suite: the tool answers that the main thread is the restore thread, and that all works.
  for (const [from, to] of [
    ['CRIU', 'us'],
    ['us', 'CRIU'],
  ] as const) {
    test(`a tool that knows no state, from ${from} to ${to}`, async () => {
      await withTool('trivialTool');
      const plain = new Subject('cuda-trivial');
      try {
        Object.assign(plain.env, target.subject.env);
        plain.start('sleep', ['1000']);
        await plain.waitUntil(() => processInfo(plain.pid)?.comm === 'sleep', 'the program to run');
        const trivial = ['--enable-plugin', 'cuda_plugin:backend=tool,discover=ask'];
        const [first, second] = from === 'CRIU' ? [criu, ours] : [ours, criu];
        const family = plain.family();
        await plain.dump(first, first === criu ? libdir : trivial);
        await plain.waitGone('after the dump', family);
        assert.deepEqual(new ImageReader(plain.images).readOne('inventory').plugins_entry?.plugins, ['cuda_plugin']);
        await plain.restore(second, second === criu ? libdir : trivial);
        assert.match(processInfo(plain.pid)?.state ?? 'none', /^S/);
      } finally {
        await plain.close();
      }
    });
  }
});
