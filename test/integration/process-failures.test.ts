/** What goes wrong with processes, memory, files and disks around a dump or a restore: the target is unharmed, or nothing is left. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { processInfo } from '../helpers/processes.js';
import { passAfterGo, scenarioOf, type Scenario } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { dumpArguments, ours, restoreArguments, type Finished } from '../helpers/tools.js';
import { victims } from '../helpers/victims.js';

const root = process.getuid?.() === 0 ? false : 'needs root: processes are frozen and pids chosen';

function victim(name: string): Scenario {
  const found = victims().find((one) => one.name === name);
  assert.ok(found, `no victim ${name}`);
  return scenarioOf(found);
}

/** Runs `work` with a started program, and cleans up behind it. */
async function withVictim(name: string, work: (subject: Subject, scenario: Scenario) => Promise<void>): Promise<void> {
  const scenario = victim(name);
  const subject = new Subject(`failure-${name}`);
  try {
    await scenario.start(subject);
    await work(subject, scenario);
  } finally {
    await subject.close();
  }
}

async function dump(subject: Subject, options: readonly string[] = [], started?: (pid: number) => void): Promise<Finished> {
  return subject.call(ours, dumpArguments(subject.pid, { images: subject.images, work: subject.folder, options }), 30_000, started);
}

async function restore(subject: Subject): Promise<Finished> {
  return subject.call(ours, restoreArguments({ images: subject.images, work: subject.folder, options: [] }));
}

/** Dumps and waits until the pids are free. */
async function dumpAway(subject: Subject): Promise<void> {
  const before = subject.processes();
  await subject.dump(ours);
  await subject.waitGone('after the dump', before);
}

/** A failure that a person can act upon: one with a code, and no stack trace. */
function assertClear(done: Finished, what: RegExp): void {
  assert.equal(done.status, 1, `ended with ${done.status ?? done.signal}: ${done.text}`);
  assert.match(done.text, /CR_[A-Z_]+/);
  assert.match(done.text, what);
  assert.doesNotMatch(done.text, /^\s+at .*:\d+:\d+\)?$/m, 'a stack trace');
}

function assertNothingLeft(subject: Subject): void {
  assert.deepEqual(subject.processes(), [], 'the failed restore left processes behind');
}

describe('dump', { skip: root }, () => {
  test('the target is killed at many moments: an error or a whole dump, never half a one', async (context) => {
    const seen = { whole: 0, refused: 0 };
    for (let delay = 20; delay <= 200; delay += 12) {
      await withVictim('threads-10', async (subject) => {
        const running = dump(subject, ['--leave-running']);
        await sleep(delay);
        process.kill(subject.pid, 'SIGKILL');
        const done = await running;
        const whole = existsSync(join(subject.images, 'inventory.img'));
        assert.equal(done.status === 0, whole, `after ${delay} ms: ${done.status ?? done.signal}, inventory ${whole}: ${done.text}`);
        if (done.status !== 0) assertClear(done, /pid|process|task|target/i);
        await subject.waitGone('after SIGKILL');
        seen[whole ? 'whole' : 'refused']++;
      });
    }
    context.diagnostic(JSON.stringify(seen));
    assert.ok(seen.whole > 0 && seen.refused > 0, `later or earlier moments are needed: ${JSON.stringify(seen)}`);
  });

  test('a child of the target is killed at many moments', async () => {
    for (let delay = 20; delay <= 200; delay += 12) {
      await withVictim('tree-3', async (subject) => {
        const child = subject.processes().find(({ parent }) => parent === subject.pid);
        assert.ok(child);
        const running = dump(subject, ['--leave-running']);
        await sleep(delay);
        process.kill(child.pid, 'SIGKILL');
        const done = await running;
        assert.equal(done.status === 0, existsSync(join(subject.images, 'inventory.img')), done.text);
        if (done.status !== 0) assertClear(done, /pid|process|task|target/i);
        const info = processInfo(subject.pid);
        assert.ok(info !== null && /[SR]/.test(info.state), `the root is ${info?.state ?? 'gone'}`);
        assert.match(readFileSync(`/proc/${subject.pid}/status`, 'utf8'), /^TracerPid:\s*0$/m);
      });
    }
  });

  for (const pages of [1, 2, 3, 4, 6, 10, 20, 30, 40, 60, 100, 150])
    test(`the disk is full after ${pages} pages: the target goes on, and no image is left`, async (context) => {
      await withVictim('anon-private', async (subject) => {
        const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${pages * 4096}`, 'none', subject.images], { encoding: 'utf8' });
        if (mounted.status !== 0) return context.skip(`mounting a tmpfs: ${mounted.stderr.trim()}`);
        try {
          assertClear(await dump(subject), /ENOSPC/);
          assert.deepEqual(readdirSync(subject.images), []);
          await passAfterGo(subject);
        } finally {
          spawnSync('umount', [subject.images]);
        }
      });
    });
});

describe('restore', { skip: root }, () => {
  test('a zombie that is about to be reaped holds the pid: it is waited for', async () => {
    await withVictim('static', async (subject) => {
      const pid = subject.pid;
      await dumpAway(subject);
      // ns_last_pid: the next process that anybody starts gets the pid after this one (proc_sys_kernel(5)).
      const script = `import os,sys,time
for _ in range(3000):
    open("/proc/sys/kernel/ns_last_pid", "w").write("${pid - 1}")
    child = os.fork()
    if child == 0: os._exit(0)
    if child == ${pid}:
        open("taken", "w").close(); time.sleep(1.0); os.waitpid(child, 0); sys.exit(0)
    os.waitpid(child, 0)
sys.exit("the pid could not be had")`;
      const holder = subject.call({ name: 'holder', command: '/usr/bin/python3' }, ['-I', '-c', script]);
      for (let i = 0; i < 2000 && !existsSync(join(subject.folder, 'taken')); i++) await sleep(5);
      for (let i = 0; i < 1500 && processInfo(pid)?.state !== 'Z'; i++) await sleep(2);
      assert.equal(processInfo(pid)?.state, 'Z', 'the zombie did not get the pid');
      const done = await restore(subject);
      assert.equal(done.status, 0, done.text);
      assert.equal((await holder).status, 0);
      await passAfterGo(subject);
    });
  });

  interface FileCase {
    readonly what: string;
    readonly spoil: (path: string) => void;
    readonly says: RegExp;
  }
  const cases: readonly FileCase[] = [
    { what: 'is missing', spoil: (path) => rmSync(path), says: /does not exist/ },
    { what: 'has grown', spoil: (path) => appendFileSync(path, 'x'), says: /has \d+ bytes, had \d+ at the dump/ },
    { what: 'is shorter', spoil: (path) => truncateSync(path, 1), says: /has \d+ bytes, had \d+ at the dump/ },
    { what: 'is a folder now', spoil: (path) => (rmSync(path), mkdirSync(path)), says: /folder|directory|kind|mode/i },
  ];
  for (const { what, spoil, says } of cases)
    test(`a file ${what}: it is named, and nothing is left`, async () => {
      await withVictim('reg-file', async (subject) => {
        await dumpAway(subject);
        // Not the one that is only appended to: such a log may have grown or been cut, as in CRIU.
        const path = join(subject.cwd, 'plain');
        assert.ok(existsSync(path), `the victim has no ${path}, only ${readdirSync(subject.cwd).join(', ')}`);
        spoil(path);
        const done = await restore(subject);
        assertClear(done, says);
        assert.ok(done.text.includes(path), `${path} is not named: ${done.text}`);
        assertNothingLeft(subject);
      });
    });

  test('a program whose file has changed is refused', async () => {
    await withVictim('static', async (subject) => {
      const program = join(subject.folder, 'static');
      await dumpAway(subject);
      writeFileSync(program, Buffer.concat([readFileSync(program), Buffer.from('more')]));
      const done = await restore(subject);
      assertClear(done, /has \d+ bytes, had \d+ at the dump/);
      assert.ok(done.text.includes(program), done.text);
      assertNothingLeft(subject);
    });
  });

  test('memory cannot be had: said with ENOMEM, and nothing is left', async () => {
    await withVictim('sparse', async (subject) => {
      await dumpAway(subject);
      // Tasks inherit the limit of whoever restores them: 8 GiB. They bring 64 GiB of address space.
      const limited = { name: 'ours', command: '/usr/bin/prlimit' };
      const words = [
        '--data=8589934592:',
        ours.command,
        ...restoreArguments({ images: subject.images, work: subject.folder, options: [] }),
      ];
      const done = await subject.call(limited, words);
      assertClear(done, /ENOMEM|EAGAIN/);
      assertNothingLeft(subject);
    });
  });
});
