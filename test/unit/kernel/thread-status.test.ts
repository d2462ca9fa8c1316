import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { readdirSync } from 'node:fs';
import { KernelThread } from '../../../core/kernel/kernel-thread.js';
import { parseStatus } from '../../../core/kernel/procfs/status.js';
import { readStatusTexts } from '../../../core/kernel/thread-status.js';

/** Ids that the texts tell, by index. */
function idsIn(thread: KernelThread, pid: number, tids: readonly number[]): (number | undefined)[] {
  const ids: (number | undefined)[] = tids.map(() => undefined);
  readStatusTexts(thread, pid, tids, (i, text) => {
    assert.equal(text.path, `/proc/${pid}/task/${tids[i]}/status`);
    ids[i] = parseStatus(text).pid;
  });
  return ids;
}

test('each thread has its own text, and who is gone has none', async () => {
  const thread = new KernelThread();
  const worker = new Worker('setInterval(() => {}, 1e6)', { eval: true });
  try {
    const few = readdirSync('/proc/self/task').map(Number);
    assert.ok(few.length > 2, `${few.length} threads`);
    // One that never was, among others; more than one program reads.
    const nobody = 2 ** 22 + 1;
    for (const tids of [[...few, nobody], Array.from({ length: 600 }, (_, i) => (i === 300 ? nobody : few[i % few.length]!))])
      assert.deepEqual(
        idsIn(thread, process.pid, tids),
        tids.map((tid) => (tid === nobody ? undefined : tid)),
      );
    assert.deepEqual(idsIn(thread, nobody, Array<number>(40).fill(nobody)), Array(40).fill(undefined));
  } finally {
    await worker.terminate();
    thread.close();
  }
});
