/** What cannot be dumped or restored is told in one report that names it, before anything is frozen or created. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { arch } from '../../core/arch/current.js';
import { dump, restore } from '../../core/index.js';
import type { CoreEntry } from '../../core/images/generated/core.js';
import { ImageReader } from '../../core/images/reader.js';
import { ImageWriter } from '../../core/images/writer.js';
import { loadNative } from '../../core/kernel/native.js';
import { readMaps } from '../../core/kernel/procfs/maps.js';
import { readNumaMaps } from '../../core/kernel/procfs/numa-maps.js';
import { ProcReader } from '../../core/kernel/procfs/reader.js';
import { readStat } from '../../core/kernel/procfs/stat.js';
import { failure, withScript } from '../helpers/refused.js';
import { ownPolicies } from '../../core/resources/memory/mapping-policy.js';

const proc = new ProcReader();

/** A process of its own session that only waits, and a folder. Both are gone in the end. */
async function withSleeper(command: readonly string[], body: (pid: number, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'refused-'));
  const [program, ...args] = [...command, 'sleep', '100'];
  const child = spawn(program, args, { detached: true, stdio: 'ignore', cwd: '/' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    for (let i = 0; readStat(proc, child.pid!)?.comm !== 'sleep' && i < 500; i++) await sleep(10);
    await body(child.pid!, folder);
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  }
}

test('a scheduling policy that images cannot hold', async () => {
  const deadline = ['chrt', '--deadline', '--sched-runtime', '1000000', '--sched-deadline', '20000000', '--sched-period', '20000000', '0'];
  await withSleeper(deadline, async (pid, folder) => {
    const error = await failure(dump({ pid, imagesDir: folder }));
    assert.equal(error.code, 'CR_UNSUPPORTED');
    assert.match(error.message, new RegExp(`pid ${pid} runs under SCHED_DEADLINE`));
    assert.equal(error.target, 'running');
    assert.match(readStat(proc, pid)?.state ?? '', /^[RS]$/);
    assert.deepEqual(readdirSync(folder), []);
  });
});

for (const [flag, what] of [
  [0x400, 'a descriptor table'],
  [0x200, 'a working directory, root and umask'],
] as const)
  test(`a thread with ${what} of its own, also with --dry-run`, () =>
    withScript(
      `
import threading
ready = threading.Event()
def run():
    if ctypes.CDLL(None, use_errno=True).unshare(${flag}) != 0: os._exit(1)
    if ${flag} == 0x400: os.close(1)
    ready.set()
    time.sleep(100)
threading.Thread(target=run, daemon=True).start()
ready.wait()`,
      async (pid, folder) => {
        const tid = Math.max(...readdirSync(`/proc/${pid}/task`).map(Number));
        const error = await failure(dump({ pid, imagesDir: folder, dryRun: true }));
        assert.equal(error.code, 'CR_UNSUPPORTED');
        assert.match(error.message, new RegExp(`pid ${pid} thread ${tid} has ${what} of its own, which images cannot hold`));
        assert.equal(error.target, 'running');
      },
    ));

/** A set that watches a file of which only a child has a descriptor. `other` is one more file of that kind, which is not watched. */
const lostTarget = (make: string): string => `
import select
one, other = ${make}, ${make}
watched = select.epoll()
watched.register(one, select.EPOLLIN)
ready, told = os.pipe()
if os.fork() == 0:
    os.close(1)
    os.close(watched.fileno())
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
    os.write(told, b"x")
    time.sleep(100)
    os._exit(1)
os.read(ready, 1)
os.close(one)`;

for (const [what, make] of [
  ['an event descriptor', 'os.eventfd(0)'],
  ['an epoll set', 'ctypes.CDLL(None).epoll_create1(0)'],
] as const)
  test(`an epoll set that watches ${what} which the process has no more, while it has another one: also with --dry-run`, () =>
    withScript(lostTarget(make), async (pid, folder) => {
      const error = await failure(dump({ pid, imagesDir: folder, dryRun: true }));
      assert.equal(error.code, 'CR_UNSUPPORTED');
      assert.match(
        error.message,
        new RegExp(`pid ${pid} fd \\d+ is an epoll set that watches a file which was added as descriptor \\d+ and`),
      );
      assert.match(error.message, /: 1 object cannot/);
    }));

test('segments of its own: the process runs on', () =>
  withScript(
    `
entry = ctypes.create_string_buffer(struct.pack('4I', 0, 0x1000, 0xfffff, 0x51))
if ctypes.CDLL(None, use_errno=True).syscall(154, 1, entry, 16) != 0: raise OSError(ctypes.get_errno())`,
    async (pid, folder) => {
      const error = await failure(dump({ pid, imagesDir: folder }));
      assert.equal(error.code, 'CR_UNSUPPORTED');
      assert.match(error.message, new RegExp(`pid ${pid}: has segments of its own`));
      assert.equal(error.target, 'running');
      assert.match(readStat(proc, pid)?.state ?? '', /^[RS]$/);
      assert.deepEqual(readdirSync(folder), []);
    },
  ));

/** Another thread closes key 0 for itself (WRPKRU) and then only sleeps (pause(2)). Without rseq(2), because the kernel could not write there any more. */
const LOCKED = `
import mmap, sys, threading
if 'GLIBC_TUNABLES' not in os.environ:
  os.environ['GLIBC_TUNABLES'] = 'glibc.pthread.rseq=0'
  os.execv('/usr/bin/python3', sys.orig_argv)
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex('31c931d2b8010000000f01efb8220000000f05ebf7'))
code = ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
threading.Thread(target=code, daemon=True).start()
while not open(f'/proc/self/task/{max(map(int, os.listdir("/proc/self/task")))}/syscall').read().startswith('34 '): time.sleep(0.01)`;

test('a thread that may not use ordinary memory (protection key 0) runs on', (t) => {
  if (arch.protectionKeys.count(loadNative) === 0) return t.skip('protection keys');
  return withScript(LOCKED, async (pid, folder) => {
    assert.equal(readdirSync(`/proc/${pid}/task`).length, 2);
    const error = await failure(dump({ pid, imagesDir: folder }));
    assert.equal(error.code, 'CR_UNSUPPORTED');
    assert.match(error.message, /has locked memory with protection key 0/);
    assert.match(readStat(proc, pid)?.state ?? '', /^[RS]$/);
    assert.equal(readdirSync(`/proc/${pid}/task`).length, 2);
    assert.deepEqual(readdirSync(folder), []);
  });
});

/** Shared pages without a name, the second of four bound to node 0; then a policy of the process, which all other mappings show. */
const BOUND = `
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
base = libc.mmap(None, ctypes.c_size_t(0x4000), 3, 0x21, -1, ctypes.c_size_t(0))
node = ctypes.c_ulong(1)
if libc.syscall(237, ctypes.c_void_p(base + 0x1000), ctypes.c_size_t(0x1000), 2, ctypes.byref(node), 64, 0) != 0: os._exit(1)
if libc.syscall(238, 3, ctypes.byref(node), 64) != 0: os._exit(1)`;

test('a NUMA policy of a mapping is told from that of the process', (t) =>
  withScript(BOUND, (pid) => {
    if (readNumaMaps(proc, pid) === null) return t.skip('a kernel without NUMA');
    // mbind(2) has cut it into three.
    const shared = (readMaps(proc, pid) ?? []).filter(({ kind }) => kind === 'devZero');
    assert.equal(shared.length, 3);
    const [line, ...more] = ownPolicies(proc, pid);
    assert.match(line ?? '', new RegExp(`^mapping ${shared[1]!.start.toString(16)}-[0-9a-f]+ has the NUMA policy bind:0 of its own`));
    assert.deepEqual(more, []);
  }));

/** The same set with another core image. */
function changeCore(folder: string, pid: number, change: (core: CoreEntry) => void): void {
  const images = new ImageReader(folder);
  const inventory = images.readOne('inventory');
  const core = images.readOne('core', pid);
  change(core);
  const other = mkdtempSync(join(folder, 'other-'));
  const writer = new ImageWriter(other);
  writer.add('core', pid, core);
  writer.finish(inventory);
}

test('everything that an image asks for in vain, in one report', async () => {
  await withSleeper([], async (pid, folder) => {
    await dump({ pid, imagesDir: folder, leaveRunning: true });
    changeCore(folder, pid, (core) => {
      core.tc!.rlimits!.rlimits[7] = { cur: 1n, max: 1n << 40n };
      core.tc!.oom_score_adj = 1001;
      core.thread_core!.comm = 'a name of more than fifteen bytes';
      core.thread_core!.sched_policy = 6;
      core.thread_core!.pdeath_sig = 65;
      core.thread_core!.seccomp_mode = 2;
      core.thread_core!.creds!.cap_prm = [0, 2 ** 31];
      core.thread_core!.creds!.cap_eff = [0, 0];
      core.thread_core!.creds!.lsm_profile = 'docker-default';
    });
    const [other] = readdirSync(folder).filter((name) => name.startsWith('other-'));
    const changed = new ImageReader(join(folder, other!)).readOne('core', pid);
    assert.equal(changed.tc!.oom_score_adj, 1001);
    copyFileSync(join(folder, other!, `core-${pid}.img`), join(folder, `core-${pid}.img`));
    const error = await failure(restore({ imagesDir: folder, detached: true }));
    assert.equal(error.code, 'CR_RESTORE');
    assert.equal(error.target, 'not started');
    const wanted = [
      /seccomp \(mode 2, filter\)/,
      /33 bytes/,
      /oom_score_adj 1001/,
      /SCHED_DEADLINE/,
      /parent-death signal 65/,
      /CAP_63/,
      /docker-default/,
    ];
    for (const line of wanted) assert.match(error.message, line);
    // A hard limit may be raised with CAP_SYS_RESOURCE; up to fs.nr_open then.
    assert.match(error.message, /^[78] things cannot be restored here/);
    assert.match(readStat(proc, pid)?.state ?? '', /^[RS]$/, 'the process that has the pid was not touched');
  });
});
