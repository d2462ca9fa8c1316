/** A process outside of a tree that is in a session or group of it: the tree can be dumped, and the dump says who will keep its number. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { passAfterGo, waitReady } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { NEEDS_ROOT } from '../helpers/sweep.js';
import { dumpArguments, ours, restoreArguments } from '../helpers/tools.js';

/** A leader of a session that has left an orphan in it, which ends when it is told to. */
const WITH_ORPHAN = `
import ctypes, os, time
def until(name):
    while not os.path.exists(name): time.sleep(0.01)
middle = os.fork()
if middle == 0:
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, b"orphan", 0, 0, 0)
        with open("new", "w") as file: file.write(str(os.getpid()))
        os.rename("new", "orphan")
        until("end")
    os._exit(0)
os.waitpid(middle, 0)
until("orphan")
os.write(1, b"READY\\n")
until("go")
os.write(1, b"PASS\\n")`;

describe('numbers that somebody else keeps', { skip: NEEDS_ROOT }, () => {
  test('an orphan in the session of the tree: warned of, also by a dry run; when it has ended, the restore works', async () => {
    const subject = new Subject('numbers-kept');
    try {
      subject.start('/usr/bin/python3', ['-I', '-c', WITH_ORPHAN]);
      await waitReady(subject);
      const orphan = Number(readFileSync(`${subject.cwd}/orphan`, 'latin1'));
      const step = { images: subject.images, work: subject.folder, options: [] };
      const warning = new RegExp(
        `A restore on this host will fail: pid ${subject.pid} is the session of process ${orphan} \\(orphan\\), which is outside of the tree and keeps that number: end it before the restore \\(kill ${orphan}\\), or dump both in one tree`,
      );
      for (const options of [['--dry-run'], ['--leave-running'], []]) {
        const done = await subject.call(ours, dumpArguments(subject.pid, { ...step, options }));
        assert.equal(done.status, 0, done.text);
        const log = readFileSync(`${subject.folder}/dump.log`, 'utf8');
        assert.match(log, warning);
        assert.equal(log.match(/A restore on this host will fail/g)?.length, 1);
      }
      const early = await subject.call(ours, restoreArguments(step));
      assert.equal(early.status, 1);
      assert.match(early.text, new RegExp(`CR_PID_TAKEN.*is the (session|process group) of process ${orphan} \\(orphan\\)`));
      process.kill(orphan, 'SIGKILL');
      while ((await subject.call(ours, restoreArguments(step))).status !== 0) await sleep(50);
      await passAfterGo(subject);
    } finally {
      await subject.close();
    }
  });
});
