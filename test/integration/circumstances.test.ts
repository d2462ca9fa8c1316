/** What may stand in the way of a dump or a restore: rights, pids that are taken, folders in use, programs that hang. Who, why and what to do is said. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ImageReader } from '../../core/images/reader.js';
import { assertSays, dumpAway, dumpBy, plain, restoreBy, under, withSubject, withoutCapability } from '../helpers/circumstance.js';
import { repository } from '../helpers/run-command.js';
import { passAfterGo, waitReady } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { NEEDS_ROOT, Snapshot, assertGone, leftovers } from '../helpers/sweep.js';
import { dumpArguments, ours, restoreArguments, type Finished } from '../helpers/tools.js';
import { buildVictim } from '../helpers/victims.js';

const isWhole = (images: string): boolean => existsSync(join(images, 'inventory.img'));

describe('rights of root', { skip: NEEDS_ROOT }, () => {
  test('a dump without CAP_SYS_PTRACE, a restore without CAP_SETUID: named, nothing is touched', async () => {
    await withSubject('static', async (subject, finish) => {
      const before = new Snapshot([subject.pid]);
      assertSays(
        await dumpBy(withoutCapability('sys_ptrace'), subject),
        /CR_NO_PERMISSION {2}dump needs CAP_SYS_PTRACE, which .*\n {2}target: running/,
      );
      await before.assertSame('without CAP_SYS_PTRACE');
      assert.deepEqual(readdirSync(subject.images), []);
      await dumpAway(subject);
      assertSays(
        await restoreBy(withoutCapability('setuid'), subject),
        /CR_NO_PERMISSION {2}restore needs CAP_SETUID, .*\n {2}target: not started/,
      );
      await assertGone(subject, 'without CAP_SETUID');
      await subject.restore(ours);
      await finish();
    });
  });

  test('without CAP_SYS_RESOURCE everything works that does not raise a limit', async () => {
    for (const name of ['fault-mix', 'threads-10', 'attr-all'])
      await withSubject(name, async (subject, finish, options) => {
        const family = subject.family();
        const dumped = await dumpBy(withoutCapability('sys_resource'), subject, options);
        assert.equal(dumped.status, 0, dumped.text);
        await subject.waitGone(
          'after the dump',
          family.filter(({ pid }) => pid === subject.pid),
        );
        const restored = await restoreBy(withoutCapability('sys_resource'), subject, options);
        assert.equal(restored.status, 0, restored.text);
        await finish();
      });
  });

  test('a hard limit that would have to be raised: CAP_SYS_RESOURCE is named, nothing is left', async () => {
    await withSubject('static', async (subject) => {
      await dumpAway(subject);
      const lower = under(
        'prlimit',
        '--sigpending=100:100',
        'setpriv',
        '--bounding-set',
        '-sys_resource',
        '--inh-caps',
        '-sys_resource',
        '--',
      );
      assertSays(await restoreBy(lower, subject), /CAP_SYS_RESOURCE/);
      await assertGone(subject, 'with a lower limit');
    });
  });
});

test(
  'a folder that is not empty: an older set is replaced, files of others stay; a failed dump leaves no set',
  { skip: NEEDS_ROOT },
  async () => {
    await withSubject('fault-mix', async (subject, finish, options) => {
      const own = join(subject.images, 'notes.txt');
      writeFileSync(own, 'mine');
      mkdirSync(join(subject.images, 'folder'));
      writeFileSync(join(subject.images, 'core-1.img'), 'of an older tree');
      assert.equal((await dumpBy(plain, subject, [...options, '--leave-running'])).status, 0);
      const first = readdirSync(subject.images);
      const script = join(subject.folder, 'refuse');
      writeFileSync(script, '#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" = pre-dump ] || exit 3\n');
      chmodSync(script, 0o755);
      assert.equal((await dumpBy(plain, subject, [...options, '--leave-running', '--action-script', script])).status, 3);
      assert.ok(first.includes('inventory.img') && !isWhole(subject.images), 'a mixture of two dumps looks whole');
      assert.equal(readFileSync(own, 'utf8'), 'mine');
      assert.ok(existsSync(join(subject.images, 'folder')));
      await dumpAway(subject, options);
      await subject.restore(ours, options);
      await finish();
      assert.equal(readFileSync(own, 'utf8'), 'mine');
    });
  },
);

describe('an action script that hangs', { skip: NEEDS_ROOT }, () => {
  async function cancel(
    subject: Subject,
    start: (script: string, started: (pid: number) => void) => Promise<Finished>,
    at: string,
  ): Promise<Finished> {
    const script = join(subject.folder, 'hangs');
    const mark = join(subject.folder, 'hanging');
    writeFileSync(script, `#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" = ${at} ] || exit 0\ntouch ${mark}\nexec sleep 1000\n`);
    chmodSync(script, 0o755);
    let tool = 0;
    const done = start(script, (pid) => (tool = pid));
    for (let i = 0; i < 1000 && !existsSync(mark); i++) await sleep(5);
    await sleep(20);
    process.kill(tool, 'SIGTERM');
    return done;
  }

  test('a dump: SIGTERM ends both, the target runs on', async () => {
    await withSubject('threads-10', async (subject, finish) => {
      const before = new Snapshot([subject.pid]);
      const step = (script: string) =>
        dumpArguments(subject.pid, { images: subject.images, work: subject.folder, options: ['--action-script', script] });
      const done = await cancel(subject, (script, started) => subject.call(ours, step(script), 20_000, started), 'post-dump');
      assertSays(done, /CR_ABORTED {2}stopped by SIGTERM .*post-dump ran\n {2}target: running/);
      await before.assertSame('after SIGTERM');
      assert.deepEqual(readdirSync(subject.images), []);
      await finish();
    });
  });

  test('a restore: SIGTERM ends both, nothing is left', async () => {
    await withSubject('fault-mix', async (subject, finish, options) => {
      await dumpAway(subject, options);
      const before = leftovers(subject);
      const step = (script: string) =>
        restoreArguments({ images: subject.images, work: subject.folder, options: [...options, '--action-script', script] });
      const done = await cancel(subject, (script, started) => subject.call(ours, step(script), 20_000, started), 'post-restore');
      assertSays(done, /CR_ABORTED {2}stopped by SIGTERM .*post-restore ran\n {2}target: destroyed/);
      await assertGone(subject, 'after SIGTERM');
      assert.deepEqual(leftovers(subject), before);
      await subject.restore(ours, options);
      await finish();
    });
  });
});

describe('a pty number that somebody has', { skip: NEEDS_ROOT }, () => {
  /** Takes the number of the victim's pty, and keeps it for so long. The victim ends with its dump, so the number is free before. */
  async function keeper(subject: Subject, index: number, seconds: number): Promise<{ ended: Promise<Finished> }> {
    const script = `import os,time,fcntl,struct,termios
held = []
while True:
    fd = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
    got = struct.unpack("I", fcntl.ioctl(fd, 0x80045430, b"\\0" * 4))[0]
    held.append(fd)
    if got == ${index}: break
    assert got < ${index}, got
open("taken", "w").close()
time.sleep(${seconds})`;
    const running = subject.call({ name: 'keeper', command: '/usr/bin/python3' }, ['-I', '-c', script]);
    for (let i = 0; i < 1000 && !existsSync(join(subject.folder, 'taken')); i++) await sleep(5);
    return { ended: running };
  }
  const indexOf = (subject: Subject): number => new ImageReader(subject.images).readAll('tty-info').find((info) => info.pty)!.pty!.index;

  test('for a moment: it is waited for', async () => {
    await withSubject('pty', async (subject, finish, options) => {
      await dumpAway(subject, options);
      const { ended } = await keeper(subject, indexOf(subject), 0.3);
      await subject.restore(ours, options);
      await finish();
      await ended;
    });
  });

  test('for good: it is named', async () => {
    await withSubject('pty', async (subject, _finish, options) => {
      await dumpAway(subject, options);
      const { ended } = await keeper(subject, indexOf(subject), 2.5);
      assertSays(await restoreBy(plain, subject, options), /CR_RESTORE {2}\/dev\/pts\/\d+: pty \d+ is in use/);
      assert.equal((await ended).status, 0);
      await assertGone(subject, 'with a pty that is taken');
    });
  });
});

test('--timeout: a target that does not come to a stop is let go in time', { skip: NEEDS_ROOT }, async () => {
  const source = join(repository, 'test/fixtures/vfork-slow.c');
  const cflags = [`-I${join(repository, 'test/fixtures/victims')}`];
  const program = await buildVictim({
    name: 'vfork-slow',
    source,
    cflags,
    libs: [],
    needs: [],
    hugePages: 0,
    shares: null,
    dumpOptions: [],
    restoreOptions: [],
  });
  const subject = new Subject('vfork');
  try {
    subject.start(subject.install(program));
    await waitReady(subject);
    const started = performance.now();
    const done = await dumpBy(plain, subject, ['--timeout', '1']);
    const took = performance.now() - started;
    assertSays(done, /CR_(FREEZE|ABORTED) [^]*\n {2}target: running\. {2}Try: .*--timeout/);
    assert.ok(took > 900 && took < 15_000, `${took} ms`);
    assert.deepEqual(readdirSync(subject.images), []);
    for (const { pid } of subject.processes()) assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^TracerPid:\s*0$/m);
    await passAfterGo(subject);
  } finally {
    await subject.close();
  }
});
