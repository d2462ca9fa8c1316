import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { ProcReader } from '../../../../core/kernel/procfs/reader.js';
import { seeLink } from '../../../../core/resources/files/seen.js';

/** Answers readlink as if the task were still there: it ends right afterwards. */
class EndsMeanwhile extends ProcReader {
  constructor(private readonly text: string) {
    super();
  }
  override link(): string {
    return this.text;
  }
}

test('a task that ends between our looks at a link and at its file is gone, and no error', async () => {
  const child = spawn('true', { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  const { pid } = child;
  assert.ok(pid !== undefined);
  const proc = new EndsMeanwhile('/bin/true');
  assert.equal(seeLink(proc, pid, 'map_files/400000-401000', null), null);
  assert.equal(seeLink(proc, pid, 'fd/0', null), null);
  // A task that is there and has no such mapping: the file is what is gone.
  assert.equal(seeLink(proc, process.pid, 'map_files/1000-2000', null), null);
});

test('a zombie answers ESRCH for what it no longer has', async () => {
  const parent = spawn('/bin/sh', ['-c', 'sleep 0 & echo $!; exec sleep 100'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const text = await new Promise<string>((resolve) => parent.stdout.once('data', (data: Buffer) => resolve(data.toString())));
    const zombie = Number(text);
    const reader = new ProcReader();
    // Its parent does not wait for it.
    while (!Buffer.from(reader.read(`${zombie}/stat`, 4096)?.bytes ?? []).includes(') Z '))
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(seeLink(new EndsMeanwhile('/bin/true'), zombie, 'map_files/400000-401000', null), null);
  } finally {
    parent.kill('SIGKILL');
  }
});
