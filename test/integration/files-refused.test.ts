/** Files that cannot be dumped are told in one report that names each, before anything is frozen. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CrError } from '../../core/errors.js';
import { dump, type DumpOptions } from '../../core/index.js';
import { ProcReader } from '../../core/kernel/procfs/reader.js';
import { readStat } from '../../core/kernel/procfs/stat.js';

const proc = new ProcReader();

/** Descriptors 3 to 6 and the program itself: a name that is gone while another exists, a locked folder, a large deleted file, a locked fifo. */
const SCRIPT = `
exec 3>a; ln a b; rm a
exec 4<.; flock -x 4
head -c 70000 /dev/urandom >g; exec 5<g; rm g
mkfifo f; exec 6<>f; flock -s 6
cp "$(command -v sleep)" program; ln program kept
(while [ "$(cat /proc/$$/comm)" != program ]; do sleep 0.02; done; rm program; : >ready) &
exec ./program 100`;

async function withProcess(body: (pid: number, images: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'files-refused-'));
  const images = join(folder, 'images');
  mkdirSync(images);
  const child = spawn('bash', ['-c', SCRIPT], { detached: true, stdio: 'ignore', cwd: folder });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    for (let i = 0; !readdirSync(folder).includes('ready') && i < 500; i++) await sleep(10);
    // The helper that removed the name is a zombie or gone.
    await sleep(50);
    await body(child.pid!, images);
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  }
}

async function failure(options: DumpOptions): Promise<CrError> {
  const error: unknown = await dump(options).then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CrError, String(error));
  return error;
}

test('files that need an option are refused together', async () => {
  await withProcess(async (pid, imagesDir) => {
    const error = await failure({ pid, imagesDir, ghostLimit: 65536 });
    assert.equal(error.code, 'CR_UNSUPPORTED');
    assert.equal(error.target, 'running');
    for (const wanted of [
      /fd 3 is .*\/a, whose name is gone while the file has others: .*--link-remap/,
      /fd 4 is .*, which is locked: .*--file-locks/,
      /fd 5 is .*\/g, a deleted file of \d+ bytes: .*--ghost-limit/,
      /fd 6 is the fifo .*\/f, which is locked: .*--file-locks/,
      /exe is .*\/program, whose name is gone/,
      /mapping [0-9a-f]+-[0-9a-f]+ is .*\/program, whose name is gone/,
    ])
      assert.match(error.message, wanted);
    assert.equal(error.message.match(/mapping /g)?.length, 1, 'a file is named once, however often it is mapped');
    assert.match(readStat(proc, pid)?.state ?? '', /^[RS]$/);
    assert.deepEqual(readdirSync(imagesDir), []);
  });
});

test('the options that the report asks for make the dump possible', async () => {
  await withProcess(async (pid, imagesDir) => {
    await dump({ pid, imagesDir, ghostLimit: 1 << 20, linkRemap: true, fileLocks: true, leaveRunning: true });
    const names = readdirSync(imagesDir);
    for (const name of ['inventory.img', 'filelocks.img', 'remap-fpath.img', 'ghost-file-1.img'])
      assert.ok(names.includes(name), `no ${name} in ${names.join(' ')}`);
    assert.match(readStat(proc, pid)?.state ?? '', /^[RS]$/);
    // The tree goes on, so the temporary names are gone again.
    assert.deepEqual(
      readdirSync(join(imagesDir, '..')).filter((name) => name.includes('link_remap')),
      [],
    );
  });
});

test('temporary names stay when the tree is left stopped: the restore needs them', async () => {
  await withProcess(async (pid, imagesDir) => {
    await dump({ pid, imagesDir, ghostLimit: 1 << 20, fileLocks: true, linkRemap: true, leaveStopped: true });
    const made = readdirSync(join(imagesDir, '..')).filter((name) => name.startsWith('link_remap.'));
    assert.equal(made.length, 2, made.join(' '));
  });
});

/** What belonged to a process that has ended, and to a descriptor and a thread that are gone: nothing can bring these back. Then it waits. */
const IN_PROC = `
import os, signal, threading, time
child = os.fork()
if child == 0: time.sleep(100)
of_child = os.open(f'/proc/{child}/fd/0', os.O_PATH | os.O_NOFOLLOW)
extra = os.dup2(os.open('/', os.O_RDONLY), 60)
of_fd = os.open(f'/proc/self/fdinfo/{extra}', os.O_RDONLY)
os.close(extra)
go = threading.Event()
thread = threading.Thread(target=go.wait)
thread.start()
of_thread = os.open(f'/proc/self/task/{thread.native_id}/comm', os.O_RDONLY)
go.set()
thread.join()
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
time.sleep(0.1)
print(of_child, of_fd, of_thread, flush=True)
time.sleep(100)`;

test('files in /proc that no process will have again are refused before the freeze', async () => {
  const child = spawn('/usr/bin/python3', ['-I', '-c', IN_PROC], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const imagesDir = mkdtempSync(join(tmpdir(), 'files-refused-'));
  try {
    const fds = String(await new Promise((resolve) => child.stdout.once('data', resolve)))
      .trim()
      .split(' ');
    assert.equal(fds.length, 3);
    const error = await failure({ pid: child.pid!, imagesDir });
    assert.equal(error.code, 'CR_UNSUPPORTED');
    for (const fd of fds) assert.match(error.message, new RegExp(`fd ${fd} is /proc/\\d+/.*, which cannot be reached by that name`));
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(imagesDir, { recursive: true });
  }
});

/** memfd_secret(2) is 447 everywhere; the file is there without any mapping of it. */
const SECRET = `
import ctypes, os, time
fd = ctypes.CDLL(None).syscall(447, 0)
if fd >= 0: os.ftruncate(fd, 4096)
print(fd, flush=True)
time.sleep(100)`;

test('a file in no folder is refused before the freeze, and no option is promised to help', async (context) => {
  const child = spawn('/usr/bin/python3', ['-I', '-c', SECRET], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const imagesDir = mkdtempSync(join(tmpdir(), 'files-refused-'));
  try {
    const fd = Number(await new Promise((resolve) => child.stdout.once('data', resolve)));
    if (fd < 0) return context.skip('memfd_secret (CONFIG_SECRETMEM, secretmem.enable=1)');
    for (const linkRemap of [false, true]) {
      const error = await failure({ pid: child.pid!, imagesDir, linkRemap });
      assert.equal(error.code, 'CR_UNSUPPORTED');
      assert.match(error.message, new RegExp(`fd ${fd} is /secretmem, which cannot be reached by that name`));
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(imagesDir, { recursive: true });
  }
});
