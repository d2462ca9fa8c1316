/** The tests' own reaper takes orphans, and never a child that node waits for: that one's end would never be heard of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processInfo } from '../helpers/processes.js';
import { waitReady } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { NEEDS_ROOT, Orphanage } from '../helpers/sweep.js';
import { buildVictim, victims } from '../helpers/victims.js';

/** Without giving node a chance to look at its children. */
function blockUntil(done: () => boolean): void {
  const deadline = performance.now() + 10_000;
  while (!done()) assert.ok(performance.now() < deadline, 'waited 10 s in vain');
}

test('a command and a program that have ended are left to node', { skip: NEEDS_ROOT, timeout: 60_000 }, async () => {
  const subject = new Subject('orphanage');
  try {
    subject.start(subject.install(await buildVictim(victims().find(({ name }) => name === 'static')!)));
    await waitReady(subject);
    const orphans = new Orphanage(subject);
    orphans.add(subject.pid);
    let pid = 0;
    const ended = subject.call({ name: 'true', command: '/usr/bin/true' }, [], 30_000, (started) => (pid = started));
    orphans.add(pid);
    blockUntil(() => processInfo(pid)?.state === 'Z');
    orphans.reap();
    assert.equal((await ended).status, 0);
    assert.equal(processInfo(pid), null, 'nobody has reaped the command');
    subject.go();
    blockUntil(() => processInfo(subject.pid)?.state === 'Z');
    orphans.reap();
    assert.equal(await subject.exitStatus(), 0);
    orphans.close();
  } finally {
    await subject.close();
  }
});
