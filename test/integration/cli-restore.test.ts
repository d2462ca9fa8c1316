/** `criu-ts restore` as a user meets it: detached or not, as a sibling, with pidfile and statistics, and when it cannot be done. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ImageReader } from '../../core/images/reader.js';
import { dumped, goesOn, gone, startCounter, status } from '../helpers/counter.js';
import { criuTs, launcher } from '../helpers/run-command.js';
import { inFolder, killAll, WorkFolder } from '../helpers/work-folder.js';

const work = new WorkFolder('criu-ts-restore-');

const parentOf = (pid: number): number => Number(/^PPid:\s*(\d+)/m.exec(status(pid))?.[1] ?? 0);

function ended(child: ChildProcess): Promise<{ code: number | null; text: string }> {
  let text = '';
  child.stderr?.on('data', (part: Buffer) => (text += part.toString()));
  return new Promise((resolve) => child.on('exit', (code) => resolve({ code, text })));
}

test('detached: the pid of old, the pidfile, the images untouched, and it counts on', async () => {
  const target = await startCounter(work);
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
  const target = await startCounter(work);
  await dumped(target);
  assert.equal(criuTs(['restore', '-d', '-D', target.images]).status, 0);
  await sleep(100);
  const from = await dumped(target);
  assert.equal(criuTs(['restore', '-d', '-D', target.images]).status, 0);
  await goesOn(target, from);
  killAll(target.folder);
});

test('without -d it stays until the root has ended, and ends with 0 as CRIU does', async () => {
  const target = await startCounter(work);
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
  const target = await startCounter(work);
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
  const target = await startCounter(work);
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
  const target = await startCounter(work);
  // Stopped: a tree that goes on may rename a file that the images have under its first name, and then that is what is told.
  assert.equal(criuTs(['dump', '-t', String(target.pid), '-D', target.images, '-s']).status, 0);
  const before = inFolder(target.folder).length;
  const done = criuTs(['restore', '-d', '-D', target.images]);
  assert.equal(done.status, 1);
  assert.match(
    done.stderr,
    new RegExp(`CR_PID_TAKEN {2}pid ${target.pid}: .*\\bpython3.*\\n(?: {2}.*\\n)? {2}target: not started\\. {2}Try: End the process`),
  );
  for (const pid of inFolder(target.folder)) process.kill(pid, 'SIGCONT');
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
  const { folder, images } = work.add();
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

test('a dry run finds what a restore would, and creates nothing', async () => {
  const target = await startCounter(work);
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
  const target = await startCounter(work);
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
