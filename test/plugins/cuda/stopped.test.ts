/** A process that uses CUDA and is stopped: the driver would wait for it whatever time limit its lock has (hardware.md, sigstop). */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { FakeGpus } from '../../../plugins/cuda/test/mock/gpus.js';
import { CudaTarget } from '../../../plugins/cuda/test/mock/target.js';
import { ours } from '../../helpers/tools.js';
import { mockWords } from './mock-command.js';

let gpus: FakeGpus;
let target: CudaTarget;

beforeEach(async () => {
  gpus = await FakeGpus.start();
  target = await CudaTarget.start(gpus, 'device', { arguments: [1, 16] });
});
afterEach(async () => {
  await target.close();
  await gpus.close();
});

test('a dump refuses it before any lock, names it, and it goes on when it may', async () => {
  const words = await mockWords(target, gpus, ['lockTimeout=2000']);
  const hash = await target.hash();
  await target.stop();
  await gpus.command('clear-events');
  const { status, text } = await target.subject.dump(ours, words).catch((error: unknown) => ({ status: 1, text: String(error) }));
  assert.equal(status, 1);
  assert.match(text, new RegExp(`pid ${target.pid} uses CUDA and is stopped .*kill -CONT ${target.pid}`, 's'));
  const asked = (await gpus.events()).filter((event) => event.what === 'begin' && event.target === target.pid).map(({ call }) => call);
  assert.deepEqual([...new Set(asked)], ['get-restore-tid']);
  process.kill(target.pid, 'SIGCONT');
  assert.equal(await target.hash(), hash);
  await target.finish();
});
