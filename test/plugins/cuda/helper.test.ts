/** The helper process of the driver back end: what it does when it hangs, dies, or loses the engine. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CudaBackend } from '../../../plugins/cuda/src/backend.js';
import { DriverBackend } from '../../../plugins/cuda/src/driver-backend.js';
import { CudaCallError } from '../../../plugins/cuda/src/errors.js';
import { findHelper } from '../../../plugins/cuda/src/helper-path.js';
import { HelperProcess } from '../../../plugins/cuda/src/helper-process.js';
import { buildMock } from '../../../plugins/cuda/test/mock/build.js';
import { driverOf, mockHost, type MockHost } from './mock-host.js';

let host: MockHost;
const opened: CudaBackend[] = [];

beforeEach(async () => {
  host = await mockHost(driverOf);
});
afterEach(async () => {
  for (const backend of opened.splice(0)) await backend.close(true);
  await host.close();
});

async function open(limits = {}): Promise<CudaBackend> {
  const backend = await host.open(limits);
  opened.push(backend);
  return backend;
}

async function until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (await check()) return;
    await sleep(25);
  }
  assert.fail(`${what}: not within 10 s`);
}

test('one attach for a run, however many calls it makes', async () => {
  const { pid } = await host.start();
  await host.gpus.command('clear-events');
  const backend = await open();
  await backend.lock(pid, 2_000);
  await backend.checkpoint(pid);
  await backend.restore(pid, []);
  await backend.unlock(pid);
  const inits = (await host.gpus.events()).filter(({ what, call }) => what === 'begin' && call === 'init');
  assert.equal(inits.length, 1);
});

test('a back end that is closed without keep takes back what it did: locks, and checkpoints', async () => {
  const [locked, moved] = [await host.start(), await host.start()];
  const before = await moved.content();
  const backend = await host.open();
  for (const { pid } of [locked, moved]) await backend.lock(pid, 2_000);
  await backend.checkpoint(moved.pid);
  await backend.close(false);
  const other = await open();
  assert.equal(await other.state(locked.pid), 'running');
  assert.equal(await other.state(moved.pid), 'running');
  assert.equal(await moved.content(), before);
});

test('a back end that is closed with keep leaves everything as it is', async () => {
  const { pid } = await host.start();
  const backend = await host.open();
  await backend.lock(pid, 2_000);
  await backend.close(true);
  assert.equal(await (await open()).state(pid), 'locked');
});

test('an abandoned lock is taken back when it ends, and its helper ends too', async () => {
  const process = await host.start();
  // We give up after 100 ms, the driver only after 10 s.
  const backend = await host.open({ lockGraceMs: -9_900 });
  await process.freeze();
  await assert.rejects(backend.lock(process.pid, 10_000), (error: unknown) => error instanceof CudaCallError && error.lost);
  const [lost] = await backend.close(true);
  assert.ok(lost?.helper !== undefined && existsSync(`/proc/${lost.helper}`), 'the helper waits on');
  process.thaw();
  await until('the end of the helper', () => !existsSync(`/proc/${lost.helper}`));
  assert.equal(await (await open()).state(process.pid), 'running');
});

test('a lock that ended before it was abandoned is taken back, though the engine says right after it that all is well', async () => {
  const { pid } = await host.start();
  const library = join((await buildMock()).library(13_000), 'libcuda.so.1');
  // Without HelperProcess: what it writes one after the other may reach a busy helper at once.
  for (let i = 0; i < 5; i++) {
    const helper = spawn(findHelper(), [library], { stdio: ['pipe', 'ignore', 'inherit', 'pipe'] });
    const ended = once(helper, 'exit');
    const [requests, answers] = [helper.stdio[0], helper.stdio[3]] as [Writable, Readable];
    requests.write(`1 lock ${pid} 10000\n`);
    const [answer] = (await once(answers, 'data')) as [Buffer];
    assert.equal(answer.toString(), '{"id":1,"code":0}\n');
    requests.end(`2 abandon 1 ${pid}\n3 quit\n`);
    await ended;
    assert.equal(await (await open()).state(pid), 'running');
  }
});

test('the death of the helper is an error of its calls', async () => {
  const { pid } = await host.start();
  await host.gpus.killCaller('get-state', 'request');
  const backend = await open();
  await assert.rejects(
    backend.state(pid),
    (error: unknown) => error instanceof CudaCallError && error.lost && /was killed by SIGKILL/.test(error.message),
  );
  await assert.rejects(backend.lock(pid, 100), /was killed by SIGKILL/);
});

test('a hanging call holds up no call on another process', async () => {
  const [first, second] = [await host.start(), await host.start()];
  const backend = await open({ askMs: 2_000 });
  await first.freeze();
  const hanging = assert.rejects(backend.state(first.pid), /no answer within 2000 ms/);
  const started = performance.now();
  assert.equal(await backend.state(second.pid), 'running');
  assert.ok(performance.now() - started < 1_500, 'the other call waited for the one that hangs');
  await hanging;
  first.thaw();
});

test('a driver before 12.8 is told with its version', async () => {
  process.env['FAKE_CUDA_VERSION'] = '12040';
  const library = join((await buildMock()).library(12_040), 'libcuda.so.1');
  await assert.rejects(
    DriverBackend.open({ library }),
    /speaks CUDA 12\.4, which has no checkpoint API: CUDA 12\.8 \(driver r570\) is the first/,
  );
});

test('a host without a device is told', async () => {
  await host.gpus.halt();
  await assert.rejects(driverOf(13_000), /cuInit: CUDA_ERROR_NO_DEVICE \(100\)/);
});

test('a library that is not there, or is none of the driver, is told', async () => {
  await assert.rejects(
    DriverBackend.open({ library: '/nonexistent/libcuda.so.1' }),
    /nonexistent\/libcuda\.so\.1: cannot open shared object file/,
  );
  await assert.rejects(DriverBackend.open({ library: 'libm.so.6' }), /libm\.so\.6: is no CUDA driver library/);
});

test('requests that make no sense are refused by the helper itself', async () => {
  const library = join((await buildMock()).library(13_000), 'libcuda.so.1');
  const helper = HelperProcess.start(findHelper(), library);
  for (const [operation, args] of [
    ['nonsense', []],
    ['lock', [1]],
    ['lock', [0, 5]],
    ['lock', ['-5', 5]],
    ['lock', [1, 0]],
    ['restore', [1, 'GPU-x=GPU-y']],
    ['state', ['99999999999999999999']],
    ['memory', ['x']],
  ] as const)
    await assert.rejects(helper.call(operation, args, 5_000), { name: 'CudaError' }, `${operation} ${args.join(' ')}`);
  assert.equal((await helper.call('driver', [], 5_000)).code, 0, 'it goes on');
  await helper.close(true);
});
