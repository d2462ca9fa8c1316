/** Many objects of shared memory: their files are made before the tree is stopped, and are the ones that are used. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dump } from '../../core/index.js';
import type { Program } from '../../core/program/program.js';
import { passAfterGo, waitReady } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { NEEDS_ROOT } from '../helpers/sweep.js';
import { ours } from '../helpers/tools.js';

const OBJECTS = 80;

const PROGRAM = `
import mmap, os, time
objects = [mmap.mmap(-1, 8192) for _ in range(${OBJECTS})]
for i, memory in enumerate(objects): memory[4096] = i
os.write(1, b'READY\\n')
while not os.path.exists('go'): time.sleep(0.01)
os.write(1, b'PASS\\n' if [memory[4096] for memory in objects] == list(range(${OBJECTS})) else b'FAIL\\n')`;

test('files of shared memory are made ahead under the names that they have in the end', { skip: NEEDS_ROOT }, async () => {
  const subject = new Subject('shared-objects');
  try {
    subject.start('/usr/bin/python3', ['-I', '-c', PROGRAM]);
    await waitReady(subject);
    const programs: string[] = [];
    const made: string[] = [];
    const after = ({ name, arena }: Program) => {
      programs.push(name);
      if (name === 'images.ahead')
        made.push(
          ...(Buffer.from(arena.bytes)
            .toString('latin1')
            .match(/\bpage[a-z-]+\d+\.img/g) ?? []),
        );
    };
    await dump({ pid: subject.pid, imagesDir: subject.images, leaveRunning: true, observer: { after } });
    const shared = made.filter((name) => name.startsWith('pages-'));
    // The pages of the process itself are the first.
    assert.ok(shared.length >= OBJECTS, shared.join(' '));
    assert.equal(made.filter((name) => name.startsWith('pagemap-shmem-')).length, OBJECTS);
    for (const name of made) assert.ok(statSync(join(subject.images, name)).size > 0, `${name} was made in vain`);
    assert.ok(programs.indexOf('images.ahead') < programs.indexOf('freeze.seize'));
    const left = readdirSync(subject.images).filter((name) => name.startsWith('pages-'));
    assert.equal(left.length, OBJECTS + 1);

    await subject.dump(ours);
    await subject.waitGone('after the dump');
    await subject.restore(ours);
    await passAfterGo(subject);
  } finally {
    await subject.close();
  }
});
