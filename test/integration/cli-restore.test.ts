/** `criu-ts restore` as a user meets it: detached or not, as a sibling, with pidfile and scripts, and when it cannot be done. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ImageReader } from '../../core/images/reader.js';
import { CrError, dump, restore } from '../../core/index.js';
import { criuTs, launcher } from '../helpers/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-restore-'));

/** Processes of these tests work in their own folder: a pid alone may belong to somebody else by now. */
function inFolder(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return pid !== process.pid && readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
      } catch {
        // Ended meanwhile, or a kernel thread.
        return false;
      }
    });
}

function killAll(folder: string): void {
  for (let pids = inFolder(folder), tries = 0; pids.length > 0 && tries < 200; pids = inFolder(folder), tries++) {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }
}
after(() => {
  killAll(dir);
  rmSync(dir, { recursive: true });
});

interface Victim {
  readonly pid: number;
  readonly folder: string;
  readonly images: string;
  readonly count: () => number;
}

let made = 0;

/** A program that counts: the number lives in its memory only, the file is written anew each time. */
const COUNTER = `
import time
i = 0
while True:
    i += 1
    with open('count.new', 'w') as file: file.write(str(i))
    __import__('os').rename('count.new', 'count')
    time.sleep(0.02)
`;

async function victim(): Promise<Victim> {
  const folder = join(dir, String(made++));
  const images = join(folder, 'images');
  mkdirSync(images, { recursive: true });
  // One process: orphans of a killed tree are collected by init, and some take a second for that.
  const child = spawn('/usr/bin/python3', ['-c', COUNTER], { cwd: folder, detached: true, stdio: 'ignore' });
  assert.ok(child.pid);
  const count = () => Number(existsSync(join(folder, 'count')) ? readFileSync(join(folder, 'count'), 'utf8') : 0);
  for (let i = 0; i < 1500 && count() < 3; i++) await sleep(20);
  return { pid: child.pid, folder, images, count };
}

function status(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // No such process.
    return '';
  }
}

const parentOf = (pid: number): number => Number(/^PPid:\s*(\d+)/m.exec(status(pid))?.[1] ?? 0);

/** Counts on from `from`, neither anew nor with a jump. */
async function goesOn({ count }: Victim, from: number): Promise<void> {
  const first = count();
  assert.ok(first >= from && first <= from + 100, `${first} after ${from}`);
  for (let i = 0; i < 1500 && count() < first + 3; i++) await sleep(20);
  assert.ok(count() >= first + 3, 'it does not count');
}

/** Dumps and kills. Returns the last count. */
async function dumped(target: Victim): Promise<number> {
  await dump({ pid: target.pid, imagesDir: target.images });
  await gone(target);
  return target.count();
}

/** Until nobody works in the folder, and we have collected the zombie of the root. */
async function gone({ folder, pid }: Victim): Promise<void> {
  for (let i = 0; i < 1500 && (inFolder(folder).length > 0 || status(pid) !== ''); i++) await sleep(10);
  assert.equal(status(pid), '');
}

test('detached: the pid of old, the pidfile, the images untouched, and it counts on', async () => {
  const target = await victim();
  const from = await dumped(target);
  const done = criuTs(['restore', '-d', '-D', target.images, '--pidfile', 'pid', '-o', 'restore.log', '-v4', '--display-stats']);
  assert.equal(done.stderr, '');
  assert.equal(done.status, 0);
  assert.equal(readFileSync(join(target.images, 'pid'), 'utf8'), String(target.pid));
  assert.match(done.stdout, /^Displaying restore stats:\n[^]*Pages restored: [1-9]/);
  assert.match(readFileSync(join(target.images, 'restore.log'), 'utf8'), /Restore finished successfully\. Tasks resumed\.$/m);
  await goesOn(target, from);
  assert.match(status(target.pid), /^TracerPid:\s*0$/m);
  killAll(target.folder);
});

test('a second dump of a restored tree is restored too', async () => {
  const target = await victim();
  await dumped(target);
  assert.equal(criuTs(['restore', '-d', '-D', target.images]).status, 0);
  await sleep(100);
  const from = await dumped(target);
  assert.equal(criuTs(['restore', '-d', '-D', target.images]).status, 0);
  await goesOn(target, from);
  killAll(target.folder);
});

function ended(child: ChildProcess): Promise<{ code: number | null; text: string }> {
  let text = '';
  child.stderr?.on('data', (part: Buffer) => (text += part.toString()));
  return new Promise((resolve) => child.on('exit', (code) => resolve({ code, text })));
}

test('without -d it stays until the root has ended, and ends with 0 as CRIU does', async () => {
  const target = await victim();
  const from = await dumped(target);
  const tool = spawn(launcher, ['restore', '--no-default-config', '-D', target.images], { stdio: ['ignore', 'ignore', 'pipe'] });
  const end = ended(tool);
  for (let i = 0; i < 1500 && status(target.pid) === ''; i++) await sleep(20);
  await sleep(300);
  await goesOn(target, from);
  assert.equal(parentOf(target.pid), tool.pid);
  assert.equal(tool.exitCode, null);
  killAll(target.folder);
  assert.deepEqual(await end, { code: 0, text: '' });
});

test('--restore-sibling: the root is a child of our parent', async () => {
  const target = await victim();
  const from = await dumped(target);
  const tool = spawn(launcher, ['restore', '--no-default-config', '-d', '-S', '-D', target.images], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  assert.deepEqual(await ended(tool), { code: 0, text: '' });
  assert.equal(parentOf(target.pid), process.pid);
  await goesOn(target, from);
  killAll(target.folder);
});

test('--leave-stopped: a dump leaves the tree stopped, a restore too', async () => {
  const target = await victim();
  assert.equal(criuTs(['dump', '-t', String(target.pid), '-D', target.images, '-s']).status, 0);
  assert.match(status(target.pid), /^State:\s*T[^]*^TracerPid:\s*0$/m);
  killAll(target.folder);
  await gone(target);
  const from = target.count();
  assert.equal(criuTs(['restore', '-d', '-s', '-D', target.images]).status, 0);
  assert.match(status(target.pid), /^State:\s*T[^]*^TracerPid:\s*0$/m);
  await sleep(200);
  assert.equal(target.count(), from);
  for (const pid of inFolder(target.folder)) process.kill(pid, 'SIGCONT');
  await goesOn(target, from);
  killAll(target.folder);
});

test('a pid that is taken: by whom is said, and nothing is left behind', async () => {
  const target = await victim();
  assert.equal(criuTs(['dump', '-t', String(target.pid), '-D', target.images, '-R']).status, 0);
  const before = inFolder(target.folder).length;
  const done = criuTs(['restore', '-d', '-D', target.images]);
  assert.equal(done.status, 1);
  assert.match(
    done.stderr,
    new RegExp(`CR_PID_TAKEN {2}pid ${target.pid}: .*\\bpython3.*\\n(?: {2}.*\\n)? {2}target: not started\\. {2}Try: End the process`),
  );
  await goesOn(target, target.count());
  assert.ok(inFolder(target.folder).length <= before + 1);
  killAll(target.folder);
});

/** A parent and a child that share a megabyte; the child has made 16 pages of it its own. */
const SHARERS = `
import os, time
shared = bytearray(os.urandom(1 << 20))
if os.fork() == 0:
    for i in range(16): shared[i * 4096] ^= 1
open('ready', 'a').write('x')
while True: time.sleep(1)
`;

test('statistics: dumped pages are those in the images, restored ones those that had to be written', async () => {
  const folder = join(dir, String(made++));
  const images = join(folder, 'images');
  mkdirSync(images, { recursive: true });
  const child = spawn('/usr/bin/python3', ['-c', SHARERS], { cwd: folder, detached: true, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for (let i = 0; i < 1500 && !(existsSync(join(folder, 'ready')) && statSync(join(folder, 'ready')).size === 2); i++) await sleep(20);
  const begun = performance.now();
  assert.equal(criuTs(['dump', '-t', String(child.pid), '-D', images, '-R']).status, 0);
  const took = (performance.now() - begun) * 1000;
  const { dump: first } = new ImageReader(images).readOne('stats-dump');
  assert.ok(first);
  const files = readdirSync(images).filter((name) => name.startsWith('pages-'));
  const inFiles = files.reduce((n, name) => n + statSync(join(images, name)).size, 0) / 4096;
  assert.equal(Number(first.pages_written + (first.shpages_written ?? 0n)), inFiles);
  assert.ok(first.pages_scanned >= first.pages_written && first.pages_written > 512n);
  assert.ok(first.freezing_time > 0 && first.frozen_time > 0 && first.freezing_time + first.frozen_time < took);
  assert.ok(first.memdump_time > 0 && first.memdump_time <= first.frozen_time && first.memwrite_time <= first.memdump_time);

  assert.equal(criuTs(['dump', '-t', String(child.pid), '-D', images]).status, 0);
  await ended;
  assert.equal(criuTs(['restore', '-d', '-D', images]).stderr, '');
  const { dump: last } = new ImageReader(images).readOne('stats-dump');
  const { restore: back } = new ImageReader(images).readOne('stats-restore');
  assert.ok(last && back);
  assert.equal((back.pages_restored ?? 0n) + back.pages_skipped_cow, last.pages_written);
  assert.ok(
    back.pages_skipped_cow >= 240n && back.pages_compared - back.pages_skipped_cow >= 16n,
    JSON.stringify(String(back.pages_compared)),
  );
  assert.ok(back.forking_time > 0 && back.forking_time < back.restore_time);
  killAll(folder);
});

test('scripts of a restore: names, order, pid', async () => {
  const target = await victim();
  await dumped(target);
  const log = join(target.folder, 'script-log');
  const script = join(target.folder, 'script');
  writeFileSync(
    script,
    `#!/bin/sh\n[ -e "$CRTOOLS_IMAGE_DIR/inventory.img" ] && echo "$CRTOOLS_SCRIPT_ACTION \${CRTOOLS_INIT_PID-none}" >>"${log}"\n`,
  );
  chmodSync(script, 0o755);
  const done = criuTs(['restore', '-d', '-D', target.images, '--action-script', script]);
  assert.equal(done.stderr, '');
  const { pid } = target;
  assert.deepEqual(readFileSync(log, 'utf8').trimEnd().split('\n'), [
    'pre-restore none',
    `post-restore ${pid}`,
    `pre-resume ${pid}`,
    `post-resume ${pid}`,
  ]);
  killAll(target.folder);
});

test('scripts of a restore with an IPC namespace: it is made between two of them', async () => {
  const folder = join(dir, String(made++));
  const images = join(folder, 'images');
  mkdirSync(images, { recursive: true });
  const child = spawn('/usr/bin/unshare', ['-i', 'sleep', '1000'], { cwd: folder, detached: true, stdio: 'ignore' });
  const { pid = 0 } = child;
  for (let i = 0; i < 1500 && !status(pid).startsWith('Name:\tsleep'); i++) await sleep(10);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await dump({ pid, imagesDir: images });
  await ended;
  const log = join(folder, 'script-log');
  const script = join(folder, 'script');
  writeFileSync(
    script,
    `#!/bin/sh\necho "$CRTOOLS_SCRIPT_ACTION \${CRTOOLS_INIT_PID-none} $(readlink /proc/$CRTOOLS_INIT_PID/ns/ipc)" >>"${log}"\n`,
  );
  chmodSync(script, 0o755);
  assert.equal(criuTs(['restore', '-d', '-D', images, '--action-script', script]).stderr, '');
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const [own, theirs] = [readlinkSync('/proc/self/ns/ipc'), readlinkSync(`/proc/${pid}/ns/ipc`)];
  assert.notEqual(own, theirs);
  assert.deepEqual(lines, [
    'pre-restore none ',
    `setup-namespaces ${pid} ${own}`,
    `post-setup-namespaces ${pid} ${theirs}`,
    `post-restore ${pid} ${theirs}`,
    `pre-resume ${pid} ${theirs}`,
    `post-resume ${pid} ${theirs}`,
  ]);
  killAll(folder);
});

for (const [name, kept] of [
  ['pre-restore', false],
  ['post-restore', false],
  ['pre-resume', true],
  ['post-resume', true],
] as const) {
  test(`a failing ${name} script ${kept ? 'is only logged' : 'ends the restore, and nothing is left behind'}`, async () => {
    const target = await victim();
    const from = await dumped(target);
    const script = join(target.folder, 'script');
    writeFileSync(script, `#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" != ${name} ] || exit 5\n`);
    chmodSync(script, 0o755);
    const done = criuTs(['restore', '-d', '-D', target.images, '--action-script', script]);
    assert.match(done.stderr, new RegExp(`action script for ${name} failed: \\S+: exit status 5`));
    assert.equal(done.status, kept ? 0 : 5);
    if (kept) await goesOn(target, from);
    else assert.deepEqual(inFolder(target.folder), []);
    killAll(target.folder);
  });
}

test('a dry run finds what a restore would, and creates nothing', async () => {
  const target = await victim();
  await dumped(target);
  const before = readdirSync(target.images).sort();
  const done = criuTs(['restore', '--dry-run', '-D', target.images]);
  assert.equal(done.stderr, '');
  assert.match(done.stdout, new RegExp(`^Process ${target.pid} can be restored: 1 process, 1 thread\\. Nothing was created\\.\\n$`));
  assert.deepEqual(inFolder(target.folder), []);
  assert.deepEqual(readdirSync(target.images).sort(), before);
  rmSync(join(target.images, `core-${target.pid}.img`));
  const broken = criuTs(['restore', '--dry-run', '-D', target.images]);
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /CR_IMAGE_MISSING {2}\S+\/core-\d+\.img: does not exist\n.*\n {2}target: not started\./);
});

test('SIGINT and SIGTERM at many moments: the tree is there, or nothing is', async (t) => {
  const target = await victim();
  const from = await dumped(target);
  const seen = { restored: 0, nothing: 0 };
  for (let delay = 20; delay <= 300; delay += 10) {
    const tool = spawn(launcher, ['restore', '--no-default-config', '-d', '-D', target.images], { stdio: ['ignore', 'ignore', 'pipe'] });
    const end = ended(tool);
    await sleep(delay);
    tool.kill(delay % 20 === 0 ? 'SIGINT' : 'SIGTERM');
    const { code, text } = await end;
    const when = `after ${delay} ms (${code ?? 'signal'}): ${text}`;
    if (inFolder(target.folder).length > 0) {
      assert.notEqual(code, 1, when);
      await goesOn(target, from);
      killAll(target.folder);
      writeFileSync(join(target.folder, 'count'), String(from));
      seen.restored++;
    } else {
      assert.notEqual(code, 0, when);
      seen.nothing++;
    }
    assert.deepEqual(inFolder(target.folder), [], when);
  }
  t.diagnostic(JSON.stringify(seen));
  assert.ok(seen.restored > 0 && seen.nothing > 0, JSON.stringify(seen));
});

test('the library: a whole cycle, and waiting for the end', async () => {
  const target = await victim();
  const stages: string[] = [];
  const made = await dump({ pid: target.pid, imagesDir: target.images, onProgress: ({ stage }) => stages.push(stage) });
  assert.equal(made.state, 'destroyed');
  assert.ok(made.bytes > 4096 && made.tasks >= 1 && made.frozenMicros > 0);
  assert.ok(stages.includes('freeze') && stages.at(-1) === 'finish');
  const from = target.count();
  const back = await restore({ imagesDir: target.images });
  assert.equal(back.pid, target.pid);
  await goesOn(target, from);
  const end = back.exited?.();
  assert.ok(end);
  killAll(target.folder);
  await end;
  assert.equal(status(target.pid), '');
});

test('the library: whoever started the dumped process learns of its end', async () => {
  const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', cwd: dir });
  const end = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal)));
  await sleep(100);
  const images = join(dir, String(made++));
  mkdirSync(images);
  await dump({ pid: child.pid ?? 0, imagesDir: images });
  assert.equal(await end, 'SIGKILL');
});

test('the library: an abort in the middle of a restore leaves nothing', async () => {
  const target = await victim();
  await dumped(target);
  for (const at of ['prepare', 'plan', 'seed', 'fork', 'tasks', 'signals', 'credentials', 'arm', 'release']) {
    const abort = new AbortController();
    const options = { imagesDir: target.images, detached: true, signal: abort.signal };
    await assert.rejects(
      restore({ ...options, onProgress: ({ stage }) => stage === at && abort.abort() }),
      (error) => error instanceof CrError && error.code === 'CR_ABORTED',
      at,
    );
    assert.deepEqual(inFolder(target.folder), [], at);
  }
});
