/** Folders that were deleted with what was in them, all of it still open: they come back under their names, and nothing of it is left. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { passAfterGo, waitReady } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { NEEDS_ROOT } from '../helpers/sweep.js';
import { ours } from '../helpers/tools.js';

/** `order` is that of the descriptors, which is the order of a restore. */
const program = (order: readonly string[]): string => `
import os, time
os.makedirs('d/e')
for name in ('d/e/f', 'd/g'): open(name, 'w').write(name)
os.link('d/g', 'other')
fds = [os.open(name, os.O_RDONLY) for name in ${JSON.stringify(order)}]
for name in ('d/e/f', 'd/g'): os.unlink(name)
for name in ('d/e', 'd'): os.rmdir(name)
def look(fd):
    stat = os.fstat(fd)
    return os.readlink(f'/proc/self/fd/{fd}'), stat.st_mode, stat.st_mtime_ns // 1000
before = [look(fd) for fd in fds]
os.write(1, b'READY\\n')
while not os.path.exists('go'): time.sleep(0.01)
after = [look(fd) for fd in fds]
os.write(1, b'PASS\\n' if after == before else f'FAIL {after} was {before}\\n'.encode())`;

describe('deleted folders', { skip: NEEDS_ROOT }, () => {
  for (const order of [
    ['d/e/f', 'd/g', 'd/e', 'd'],
    ['d', 'd/e', 'd/g', 'd/e/f'],
  ])
    test(`opened in the order ${order.join(', ')}`, async () => {
      const subject = new Subject('deleted-folders');
      try {
        subject.start('/usr/bin/python3', ['-I', '-c', program(order)]);
        await waitReady(subject);
        await subject.dump(ours, ['--link-remap']);
        await subject.waitGone('after the dump');
        await subject.restore(ours);
        assert.deepEqual(readdirSync(subject.cwd), ['other']);
        await passAfterGo(subject);
      } finally {
        await subject.close();
      }
    });
});
