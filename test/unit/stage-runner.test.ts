import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrError } from '../../core/errors.js';
import { Hooks } from '../../core/hooks.js';
import { silentLog } from '../../core/log.js';
import type { ProgressEvent } from '../../core/options.js';
import { StageRunner } from '../../core/stage-runner.js';

const make = (signal?: AbortSignal, hooks = new Hooks(), onProgress?: (event: ProgressEvent) => void) =>
  new StageRunner('dump', { hooks, log: silentLog(), pid: 7, signal, onProgress });

test('hooks run before and after, in order, and know stage and pid', async () => {
  const hooks = new Hooks();
  const seen: string[] = [];
  hooks.stage('dump', 'freeze').before.tap('x', ({ stage, pid, operation }) => void seen.push(`before ${operation} ${stage} ${pid}`));
  hooks.stage('dump', 'freeze').after.tap('x', () => void seen.push('after'));
  const stages: string[] = [];
  const runner = make(undefined, hooks, ({ stage }) => stages.push(stage));
  assert.equal(await runner.run('freeze', () => (seen.push('body'), 42)), 42);
  assert.deepEqual(seen, ['before dump freeze 7', 'body', 'after']);
  assert.deepEqual(stages, ['freeze']);
  assert.ok(runner.times.has('freeze'));
});

test('an abort is noticed at the next border, with the reason of whoever aborted', async () => {
  const abort = new AbortController();
  const runner = make(abort.signal);
  await runner.run('prepare', () => undefined);
  abort.abort(new CrError('CR_ABORTED', { message: 'stopped by SIGINT' }));
  await assert.rejects(
    runner.run('freeze', () => assert.fail('the stage ran')),
    (error: CrError) =>
      error.code === 'CR_ABORTED' && error.message === 'stopped by SIGINT before stage freeze' && error.target === 'running',
  );
});

test('timers and signal handlers run between stages although these are synchronous', async () => {
  const abort = new AbortController();
  const runner = make(abort.signal);
  const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15);
  await assert.rejects(async () => {
    await runner.run('prepare', () => {
      setTimeout(() => abort.abort(), 1);
      block();
    });
    await runner.run('preflight', block);
    await runner.run('freeze', block);
  }, /cancelled before stage (preflight|freeze)/);
});

test('a hook that never ends is left by an abort, in every stage but the final ones', async () => {
  for (const point of ['before', 'after'] as const) {
    const hooks = new Hooks();
    hooks.stage('dump', 'freeze')[point].tapPromise('hangs', () => new Promise(() => undefined));
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 10);
    await assert.rejects(
      make(abort.signal, hooks).run('freeze', () => undefined),
      /cancelled in a hook of stage freeze/,
    );
  }
});

test('the final stages cannot be aborted: there is nothing to go back to', async () => {
  const runner = make(AbortSignal.abort());
  assert.equal(await runner.run('finish', () => 'done'), 'done');
});

test('failed hooks run last first, and one that throws hides nothing', async () => {
  const hooks = new Hooks();
  const seen: string[] = [];
  for (const stage of ['prepare', 'preflight', 'freeze'] as const)
    hooks.stage('dump', stage).failed.tap('x', () => {
      seen.push(stage);
      if (stage === 'preflight') throw new Error('hook');
    });
  const runner = make(undefined, hooks);
  await runner.run('prepare', () => undefined);
  await runner.run('preflight', () => undefined);
  await assert.rejects(
    runner.run('freeze', () => Promise.reject(new Error('boom'))),
    /boom/,
  );
  await runner.failed();
  assert.deepEqual(seen, ['freeze', 'preflight', 'prepare']);
});
