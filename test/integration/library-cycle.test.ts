/** dump() and restore() of the library on live processes: results, ends, and an abort. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CrError, dump, restore } from '../../core/index.js';
import { dumped, goesOn, startCounter, status } from '../helpers/counter.js';
import { inFolder, killAll, WorkFolder } from '../helpers/work-folder.js';

const work = new WorkFolder('criu-ts-library-cycle-');

test('a whole cycle, and waiting for the end', async () => {
  const target = await startCounter(work);
  const stages: string[] = [];
  const made = await dump({ pid: target.pid, imagesDir: target.images, onProgress: ({ stage }) => stages.push(stage) });
  assert.equal(made.state, 'destroyed');
  assert.ok(made.bytes > 4096 && made.tasks >= 1 && made.frozenMicros > 0);
  assert.ok(stages.includes('freeze') && stages.at(-1) === 'finish');
  const from = target.count();
  const back = await restore({ imagesDir: target.images });
  assert.equal(back.pid, target.pid);
  await goesOn(target, from);
  const end = back.exited?.();
  assert.ok(end);
  killAll(target.folder);
  await end;
  assert.equal(status(target.pid), '');
});

test('whoever started the dumped process learns of its end', async () => {
  const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', cwd: work.path });
  const end = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal)));
  await sleep(100);
  const { images } = work.add();
  await dump({ pid: child.pid ?? 0, imagesDir: images });
  assert.equal(await end, 'SIGKILL');
});

test('an abort in the middle of a restore leaves nothing', async () => {
  const target = await startCounter(work);
  await dumped(target);
  for (const at of ['prepare', 'plan', 'seed', 'fork', 'tasks', 'signals', 'credentials', 'arm', 'release']) {
    const abort = new AbortController();
    const options = { imagesDir: target.images, detached: true, signal: abort.signal };
    await assert.rejects(
      restore({ ...options, onProgress: ({ stage }) => stage === at && abort.abort() }),
      (error) => error instanceof CrError && error.code === 'CR_ABORTED',
      at,
    );
    assert.deepEqual(inFolder(target.folder), [], at);
  }
});
