/** Files on mounts that have become read-only, forbid programs, or are covered: brought back where that can be, else refused before the freeze. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { launcher } from '../helpers/run-command.js';
import { passAfterGo, waitReady } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { NEEDS_ROOT } from '../helpers/sweep.js';
import { dumpArguments, restoreArguments, type Finished } from '../helpers/tools.js';

/** A program in a folder of its own; `mount` changes only the mount namespace that it shares with the tool. */
const PRELUDE = `
import os, shutil, subprocess, sys, time
def mount(*words): subprocess.run(['mount', *words], check=True)
def ready():
    os.write(1, b'READY\\n')
    while not os.path.exists('go'): time.sleep(0.01)
def done(right):
    os.write(1, b'PASS\\n' if right else b'FAIL\\n')
    os._exit(0)
`;

describe('mounts', { skip: NEEDS_ROOT }, () => {
  // A mount namespace that lasts longer than the programs in it.
  const keeper = spawn('/usr/bin/unshare', ['-m', '--propagation', 'private', 'sleep', '1000'], { stdio: 'ignore' });
  // The folder is entered last: a working directory from outside would stay on a mount of the other namespace.
  const enter = (cwd: string) => ['-t', String(keeper.pid), '-m', '/bin/sh', '-c', 'cd "$0" && exec "$@"', cwd];
  before(async () => {
    for (let i = 0; i < 500 && readFileSync(`/proc/${keeper.pid}/comm`, 'utf8').trim() !== 'sleep'; i++) await sleep(10);
  });
  after(() => void keeper.kill('SIGKILL'));

  const tool = async (subject: Subject, words: readonly string[]): Promise<Finished> =>
    subject.call({ name: 'ours', command: '/usr/bin/nsenter' }, [...enter('/'), launcher, ...words]);
  const step = (subject: Subject) => ({ images: subject.images, work: subject.folder, options: [] });

  async function withProgram(script: string, body: (subject: Subject) => Promise<void>): Promise<void> {
    const subject = new Subject('mounts');
    try {
      subject.start('/usr/bin/nsenter', [...enter(subject.cwd), '/usr/bin/python3', '-I', '-c', `${PRELUDE}${script}`]);
      await waitReady(subject);
      await body(subject);
    } finally {
      await subject.close();
    }
  }

  const mountTable = (): string => readFileSync(`/proc/${keeper.pid}/mountinfo`, 'utf8');

  test('deleted files on a mount that is read-only now come back, under their names and by that mount', async () => {
    const script = `
os.makedirs('m'); mount('-t', 'tmpfs', 'none', 'm'); os.makedirs('m/a/b'); os.mkdir('m/c')
def made(name, text):
    open(name, 'w').write(text)
    return os.open(name, os.O_RDONLY)
one = made('m/a/one', 'first')
two = made('m/a/b/two', 'second')
os.link('m/a/one', 'm/other')
fds = (one, two, os.open('m/other', os.O_RDONLY), os.open('m/c', os.O_RDONLY))
for name in ('m/a/one', 'm/other', 'm/a/b/two'): os.unlink(name)
os.rmdir('m/a/b'); os.rmdir('m/c')
mount('-o', 'remount,bind,ro', 'm')
def look():
    info = [[line for line in open(f'/proc/self/fdinfo/{fd}') if line.startswith('mnt_id')] for fd in fds]
    return info, [os.readlink(f'/proc/self/fd/{fd}') for fd in fds], [os.fstat(fd).st_dev for fd in fds], [os.pread(fd, 9, 0) for fd in fds[:3]]
before = look()
ready()
now = [os.fstat(fd) for fd in fds]
done(look() == before and now[0].st_ino == now[2].st_ino and [stat.st_nlink for stat in now[:3]] == [0, 0, 0])`;
    await withProgram(script, async (subject) => {
      const table = mountTable();
      const dumped = await tool(subject, dumpArguments(subject.pid, step(subject)));
      assert.equal(dumped.status, 0, dumped.text);
      await subject.waitGone('after the dump');
      const restored = await tool(subject, restoreArguments(step(subject)));
      assert.equal(restored.status, 0, restored.text);
      assert.equal(mountTable(), table, 'mounts are as before');
      const left = (path: string) => readdirSync(join(`/proc/${keeper.pid}/root`, subject.cwd, path));
      assert.deepEqual([left('m'), left('m/a')], [['a'], []], 'no name is left');
      await passAfterGo(subject);
    });
  });

  const REFUSED: readonly { readonly what: string; readonly script: string; readonly says: RegExp }[] = [
    {
      what: 'a file open for writing whose name leads to a read-only mount',
      script: `
os.mkdir('m'); open('m/f', 'w').write('x')
fd = os.open('m/f', os.O_RDWR)
mount('--bind', 'm', 'm'); mount('-o', 'remount,bind,ro', 'm')`,
      says: /fd 3 is \/\S+\/m\/f, open for writing, while nobody may write on the mount \/\S+\/m now \(ro\)/,
    },
    {
      what: 'files on a file system that has made itself read-only after an error',
      script: `
os.mkdir('m'); open('disk', 'wb').truncate(8 << 20)
subprocess.run(['mkfs.ext4', '-q', '-O', '^has_journal', 'disk'], check=True)
mount('-o', 'loop,errors=remount-ro', 'disk', 'm')
def made(name, flags):
    open(name, 'w').write('x')
    return os.open(name, flags)
made('m/deleted', os.O_RDONLY); made('m/written', os.O_RDWR); made('m/read', os.O_RDONLY)
os.unlink('m/deleted')
device = os.path.basename(os.path.realpath(f"/sys/dev/block/{os.major(os.stat('m').st_dev)}:{os.minor(os.stat('m').st_dev)}"))
open(f'/sys/fs/ext4/{device}/trigger_fs_error', 'w').write('a test')`,
      says: /: 2 objects cannot[^]*fd 3 is \/\S+\/m\/deleted, whose name is gone, .*the file system on \/\S+\/m is read-only now[^]*fd 4 is \/\S+\/m\/written, open for writing, while nobody may write on the mount \/\S+\/m now \(ro\)/,
    },
    {
      what: 'ptys with one number, of two devpts',
      script: `
import fcntl, struct
os.mkdir('pts'); mount('-t', 'devpts', '-o', 'newinstance,ptmxmode=0666', 'none', 'pts')
os.mkdir('more'); mount('-t', 'devpts', '-o', 'newinstance,ptmxmode=0666', 'none', 'more')
def pair(folder):
    master = os.open(f'{folder}/ptmx', os.O_RDWR | os.O_NOCTTY)
    fcntl.ioctl(master, 0x40045431, struct.pack('i', 0))
    return os.open(f'{folder}/0', os.O_RDWR | os.O_NOCTTY)
pair('pts'); pair('more')`,
      says: /: 2 objects cannot[^]*fd 5 is \/\S+\/more\/ptmx, and fd \d+ of pid \d+ is another pty with the number 0, in another devpts[^]*fd 6 is \/\S+\/more\/0, and/,
    },
    {
      what: 'a program on a mount that forbids programs now',
      script: `
if not os.path.exists('m'):
    os.mkdir('m'); mount('--bind', 'm', 'm'); shutil.copy('/usr/bin/python3', 'm/own')
    os.execv('m/own', sys.orig_argv)
mount('-o', 'remount,bind,noexec', 'm')`,
      says: /exe is \/\S+\/m\/own, which runs, while the mount \/\S+\/m forbids it now \(noexec\)[^]*mapping \S+ is \/\S+\/m\/own, which runs/,
    },
    {
      what: 'a deleted file whose folder is covered by another file system',
      script: `
os.mkdir('m'); open('m/f', 'w').write('x')
fd = os.open('m/f', os.O_RDONLY); os.unlink('m/f')
mount('-t', 'tmpfs', 'none', 'm')`,
      says: /fd 3 is \/\S+\/m\/f, whose name is gone, .*another file system is mounted over its folder \(\/\S+\/m\)/,
    },
    {
      what: 'a deleted file on what is unmounted',
      script: `
os.mkdir('m'); mount('-t', 'tmpfs', 'none', 'm'); open('m/f', 'w').write('x')
fd = os.open('m/f', os.O_RDONLY); os.unlink('m/f')
subprocess.run(['umount', '-l', 'm'], check=True)`,
      says: /fd 3 is \/f, whose name is gone, .*is unmounted \(umount -l\)/,
    },
  ];
  for (const { what, script, says } of REFUSED)
    test(what, async () => {
      await withProgram(`${script}\nready()\ndone(True)`, async (subject) => {
        const done = await tool(subject, dumpArguments(subject.pid, step(subject)));
        assert.equal(done.status, 1, done.text);
        assert.match(done.text, says);
        assert.match(done.text, /target: running/);
        assert.deepEqual(readdirSync(subject.images), []);
        await passAfterGo(subject);
      });
    });
});
