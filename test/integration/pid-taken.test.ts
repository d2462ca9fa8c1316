/** A number that somebody else has when a restore needs it: who that is gets said, nothing is left, and the other one is not touched. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertSays, dumpAway, plain, restoreBy, withSubject } from '../helpers/circumstance.js';
import type { Subject } from '../helpers/subject.js';
import { NEEDS_ROOT, leftovers, type Orphanage } from '../helpers/sweep.js';
import { ours } from '../helpers/tools.js';

/** A program that gets `pid` for one of its own (ns_last_pid, proc_sys_kernel(5)) and does `then` with it, which ends with making the file `taken`. */
async function holder(subject: Subject, orphans: Orphanage, pid: number, then: string): Promise<{ end: () => Promise<void> }> {
  const script = `import os,sys,time,threading
def taken():
    with open("new", "w") as file: file.write(str(os.getpid()))
    os.rename("new", "taken")
def wanted(): open("/proc/sys/kernel/ns_last_pid", "w").write("${pid - 1}")
${then}`;
  const running = subject.call({ name: 'holder', command: '/usr/bin/python3' }, ['-I', '-c', script], 25_000);
  for (let i = 0; i < 1000 && !existsSync(join(subject.folder, 'taken')); i++) await sleep(5);
  assert.ok(existsSync(join(subject.folder, 'taken')), 'the pid could not be had');
  orphans.add(Number(readFileSync(join(subject.folder, 'taken'), 'utf8')));
  return {
    end: async () => {
      writeFileSync(join(subject.folder, 'end'), '');
      await running;
    },
  };
}
const WAIT = `
while not os.path.exists("end"): time.sleep(0.01)
os._exit(0)`;
const AS_THREAD = `
done = False
def run():
    global done
    if threading.get_native_id() == PID: done = True; taken()
    while done and not os.path.exists("end"): time.sleep(0.01)
for _ in range(200):
    wanted(); t = threading.Thread(target=run); t.start()
    time.sleep(0.005)
    if done: break
    t.join()
${WAIT}`;
/** The child leads a session or group, forks somebody into it, and ends: its number stays taken. */
const asLeader = (call: string): string => `
for _ in range(200):
    wanted(); child = os.fork()
    if child == 0:
        if os.getpid() != PID: os._exit(1)
        ${call}
        if os.fork() == 0:
            time.sleep(0.05); taken()
            while not os.path.exists("end"): time.sleep(0.01)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0: break
${WAIT}`;

/** The child itself takes it; its parent reaps it when it is told to end. */
const AS_CHILD = `
for _ in range(200):
    wanted(); child = os.fork()
    if child == 0:
        if os.getpid() != PID: os._exit(1)
        taken()
        while not os.path.exists("end"): time.sleep(0.01)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0: break
os._exit(0)`;

describe('a pid that is taken', { skip: NEEDS_ROOT }, () => {
  for (const [by, then, says] of [
    ['a thread', AS_THREAD, /CR_PID_TAKEN {2}pid \d+: is (?:in use by process|a thread of process) \d+ \(python3?\S*\)/],
    [
      'the session of a process',
      asLeader('os.setsid()'),
      /CR_PID_TAKEN {2}pid \d+: is the (?:session|process group) of process \d+ \(python3?\S*\)/,
    ],
    [
      'the group of a process',
      asLeader('os.setpgid(0, 0)'),
      /CR_PID_TAKEN {2}pid \d+: is the process group of process \d+ \(python3?\S*\)/,
    ],
  ] as const)
    test(`by ${by}: who holds it is said, and nothing is left`, async () => {
      await withSubject('static', async (subject, finish, _options, orphans) => {
        const { pid } = subject;
        await dumpAway(subject);
        const held = await holder(subject, orphans, pid, then.replaceAll('PID', String(pid)));
        const before = leftovers(subject);
        assertSays(await restoreBy(plain, subject), says);
        assert.deepEqual(leftovers(subject), before);
        await held.end();
        await subject.waitGone('after the holder has ended');
        orphans.reap();
        await subject.restore(ours);
        await finish();
      });
    });

  test('by a zombie that nobody reaps: whose it is is said, after some seconds', async () => {
    await withSubject('static', async (subject, _finish, _options, orphans) => {
      const { pid } = subject;
      await dumpAway(subject);
      const zombie = `
for _ in range(200):
    wanted(); child = os.fork()
    if child == 0: os._exit(0)
    if child == ${pid}: break
    os.waitpid(child, 0)
time.sleep(0.05); taken()
${WAIT}`;
      const held = await holder(subject, orphans, pid, zombie);
      assertSays(await restoreBy(plain, subject), /CR_PID_TAKEN {2}pid \d+: .*waits to be reaped by process \d+/);
      await held.end();
    });
  });

  for (const [name, what, of] of [
    ['tree-3', 'process', (subject: Subject) => subject.family().map(({ pid }) => pid)],
    ['threads-10', 'thread', (subject: Subject) => readdirSync(`/proc/${subject.pid}/task`).map(Number)],
  ] as const)
    test(`of a ${what} below the root, taken after the look at it: who holds it is said, and that one lives on`, async () => {
      await withSubject(name, async (subject, finish, options, orphans) => {
        const pid = Math.max(...of(subject));
        assert.notEqual(pid, subject.pid);
        await dumpAway(subject, options);
        // The script is run after the numbers were looked at and before the first process is made.
        const script = join(subject.folder, 'wait-for-holder');
        writeFileSync(
          script,
          '#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" = pre-restore ] || exit 0\ntouch looked\nwhile [ ! -e taken ]; do sleep 0.01; done\n',
        );
        chmodSync(script, 0o755);
        const restoring = restoreBy(plain, subject, [...options, '--action-script', script]);
        for (let i = 0; i < 1000 && !existsSync(join(subject.folder, 'looked')); i++) await sleep(5);
        const held = await holder(subject, orphans, pid, AS_CHILD.replace('PID', String(pid)));
        const before = leftovers(subject);
        assertSays(await restoring, new RegExp(`CR_PID_TAKEN {2}pid ${pid}: is in use by process ${pid} \\(python3?\\S*\\)`));
        assert.ok(existsSync(`/proc/${pid}`), `pid ${pid}, which is not ours, was killed`);
        assert.deepEqual(leftovers(subject), before);
        await held.end();
        orphans.reap();
        rmSync(join(subject.folder, 'taken'));
        await subject.waitGone('after the holder has ended');
        await subject.restore(ours, options);
        await finish();
      });
    });
});
