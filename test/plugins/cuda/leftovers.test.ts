/** What is said of devices that are still there after a checkpoint, by what can be seen of the process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { holdsDevices, isNvidiaDevice, likelyCause } from '../../../plugins/cuda/src/leftovers.js';

test('a process with one thread has inherited them', async () => {
  const child = spawn('sleep', ['100'], { stdio: 'ignore' });
  try {
    for (const link of ['/dev/nvidiactl', '/dev/nvidia0']) assert.match(likelyCause(child.pid!, link), /forked .* without execve\(2\)/);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  // Nothing is known of it any more.
  assert.match(likelyCause(child.pid!, '/dev/nvidia0'), /driver cannot checkpoint/);
});

test('of a process with threads the device tells', () => {
  assert.match(likelyCause(process.pid, '/dev/nvidiactl'), /NVML with a driver before r570/);
  assert.match(likelyCause(process.pid, '/dev/nvidia-caps/nvidia-cap2'), /MIG or fabric memory/);
  for (const link of ['/dev/nvidia0', '/dev/nvidia-uvm']) assert.match(likelyCause(process.pid, link), /graphics, MIG, MPS, a profiler/);
});

test('devices are known by their paths, and none is held here', () => {
  assert.deepEqual(['/dev/nvidia3', '/dev/nvidia-caps/x', '/dev/null', '/tmp/dev/nvidia0'].map(isNvidiaDevice), [true, true, false, false]);
  assert.equal(holdsDevices(process.pid), false);
  assert.equal(holdsDevices(4_194_303), false);
});
