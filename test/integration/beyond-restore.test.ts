/** A dump takes no tree that no restore could give back: what stands in the way is named before anything is frozen, and the tree runs on. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CrError } from '../../core/errors.js';
import { dump } from '../../core/index.js';
import { ProcReader } from '../../core/kernel/procfs/reader.js';
import { readStat } from '../../core/kernel/procfs/stat.js';
import { NEEDS_ROOT } from '../helpers/sweep.js';

const proc = new ProcReader();

/** A program of Python in a folder of its own, which prints the pid to dump when it is ready, and then stays. All it started is gone in the end. */
async function withScript(script: string, body: (pid: number, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'beyond-restore-'));
  mkdirSync(join(folder, 'images'));
  const program = `
import ctypes, os, shutil, sys, threading, time
def ready(pid):
    os.write(1, b'%d\\n' % pid)
    time.sleep(100)
    os._exit(0)
${script}`;
  const child = spawn('/usr/bin/python3', ['-I', '-c', program], { detached: true, stdio: ['ignore', 'pipe', 'inherit'], cwd: folder });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let pid = 0;
  try {
    pid = Number(String(await new Promise((resolve) => child.stdout.once('data', resolve))));
    await body(pid, folder);
  } finally {
    for (const end of [-pid, -child.pid!])
      if (end < -1) {
        try {
          process.kill(end, 'SIGKILL');
        } catch {
          // It has ended.
        }
      }
    await ended;
    spawnSync('chattr', ['-R', '-i', folder]);
    rmSync(folder, { recursive: true });
  }
}

/** The dump is refused in these words, and also when it is only asked for; nothing is frozen, nothing is written. */
async function assertRefused(pid: number, folder: string, says: RegExp): Promise<void> {
  const imagesDir = join(folder, 'images');
  for (const dryRun of [true, false]) {
    const error: unknown = await dump({ pid, imagesDir, dryRun }).then(
      () => assert.fail('it was not refused'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof CrError, String(error));
    assert.match(error.message, says);
    assert.equal(error.target, 'running');
    assert.deepEqual(readdirSync(imagesDir), []);
  }
}

const DELETED = `
os.mkdir('d')
open('d/f', 'w').write('x')
fd = os.open('d/f', os.O_RDONLY)
os.unlink('d/f')
`;

const CASES: readonly { readonly what: string; readonly script: string; readonly says: RegExp }[] = [
  {
    what: 'a program that nobody may execute any more',
    script: `
if len(sys.orig_argv) < 5:
    shutil.copy('/usr/bin/python3', 'own')
    os.execv('own', [*sys.orig_argv, 'again'])
os.chmod('own', 0o644)
ready(os.getpid())`,
    says: /exe is \/\S+\/own, which nobody may execute any more \(mode 0644\): chmod \+x/,
  },
  {
    what: 'a child whose main thread has ended',
    script: `
child = os.fork()
if child == 0:
    threading.Thread(target=time.sleep, args=(100,)).start()
    ctypes.CDLL(None).syscall(60, 0)
while open(f'/proc/{child}/stat').read().split()[2] != 'Z': time.sleep(0.01)
ready(os.getpid())`,
    says: /pid \d+ has lost its main thread \(pthread_exit\(3\)\) while others of its threads run/,
  },
  {
    what: 'a root whose main thread has ended',
    script: `
child = os.fork()
if child == 0:
    os.setsid()
    threading.Thread(target=time.sleep, args=(100,)).start()
    ctypes.CDLL(None).syscall(60, 0)
while open(f'/proc/{child}/stat').read().split()[2] != 'Z': time.sleep(0.01)
ready(child)`,
    says: /has lost its main thread/,
  },
  {
    what: 'a session whose leader lives outside of the tree',
    script: `
end, wait = os.pipe()
root = os.fork()
if root == 0:
    # Before the orphan can be one: PR_SET_CHILD_SUBREAPER.
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    between = os.fork()
    if between == 0:
        if os.fork() == 0: time.sleep(100)
        os._exit(0)
    os.setsid()
    os.waitpid(between, 0)
    os.write(wait, b'x')
    time.sleep(100)
os.read(end, 1)
ready(root)`,
    says: /pid \d+ is in session \d+, which process \d+ \(python3\S*\) leads outside of the tree/,
  },
  {
    what: 'a timer on the processor time of a thread that has ended',
    script: `
import struct
libc = ctypes.CDLL(None, use_errno=True)
go = threading.Event()
thread = threading.Thread(target=go.wait)
thread.start()
event = ctypes.create_string_buffer(struct.pack('<Qii', 0, 10, 0), 64)
clock = ctypes.c_long(time.pthread_getcpuclockid(thread.ident))
if libc.syscall(222, clock, event, ctypes.byref(ctypes.c_int())) != 0: raise OSError(ctypes.get_errno())
go.set()
thread.join()
while os.path.exists(f'/proc/self/task/{thread.native_id}'): time.sleep(0.01)
ready(os.getpid())`,
    says: /has POSIX timer 0, which counts the processor time of thread \d+, and that has ended: .*timer_delete/,
  },
  {
    what: 'a deleted file in whose folder nothing can be made',
    script: `${DELETED}
if os.spawnlp(os.P_WAIT, 'chattr', 'chattr', '+i', 'd') != 0: os.write(1, b'0\\n')
ready(os.getpid())`,
    says: /fd 3 is \/\S+\/d\/f, whose name is gone, .*nothing can be made in \S+\/d \(EPERM\)/,
  },
  {
    what: 'a deleted file whose folder is a link now',
    script: `${DELETED}
os.rmdir('d'); os.mkdir('e'); os.symlink('e', 'd')
ready(os.getpid())`,
    says: /fd 3 is \/\S+\/d\/f, whose name is gone, .*\/d is no folder now/,
  },
  {
    what: 'a deleted file whose folder is a file now',
    script: `${DELETED}
os.rmdir('d'); open('d', 'w')
ready(os.getpid())`,
    says: /fd 3 is \/\S+\/d\/f, whose name is gone, .*\/d is no folder now/,
  },
];

for (const { what, script, says } of CASES)
  test(what, { skip: NEEDS_ROOT }, async (context) => {
    await withScript(script, async (pid, folder) => {
      if (pid === 0) return context.skip('chattr +i in the temporary folder');
      await assertRefused(pid, folder, says);
      assert.notEqual(readStat(proc, pid), null);
    });
  });
