/** Action scripts of a dump: names, environment, order, and what a failure does. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { criuTs, launcher } from '../helpers/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-scripts-'));
const victims: number[] = [];
after(() => {
  for (const pid of victims) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      // Dumped and killed: as it should be.
      assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
    }
  }
  rmSync(dir, { recursive: true });
});

function victim(): number {
  const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  assert.ok(child.pid);
  victims.push(child.pid);
  return child.pid;
}

let made = 0;
function folder(): string {
  const path = join(dir, `images-${made++}`);
  mkdirSync(path);
  return path;
}

/** A script that notes what it was told, and whether the images are there and the target is stopped. */
function script(name: string, pid: number, log: string, end = 'exit 0'): string {
  const path = join(dir, name);
  const lines = [
    '#!/bin/sh',
    'inventory=no; [ -e "$CRTOOLS_IMAGE_DIR/inventory.img" ] && inventory=yes',
    `state=$(sed -n 's/^State:.\\([A-Za-z]\\).*/\\1/p' /proc/${pid}/status)`,
    `echo "${name} $CRTOOLS_SCRIPT_ACTION \${CRTOOLS_INIT_PID-none} $inventory $state $#" >>"${log}"`,
    end,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  chmodSync(path, 0o755);
  return path;
}

const alive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

test('pre-dump before anything, post-dump with whole images and a frozen tree; the last script runs first', () => {
  const pid = victim();
  const log = join(dir, 'log-order');
  const scripts = [script('first', pid, log), script('second', pid, log)].flatMap((path) => ['--action-script', path]);
  const done = criuTs(['dump', '-t', String(pid), '-D', folder(), '-R', ...scripts]);
  assert.equal(done.stderr, '');
  assert.equal(done.status, 0);
  const lines = [
    `second pre-dump ${pid} no S 0`,
    `first pre-dump ${pid} no S 0`,
    `second post-dump ${pid} yes t 0`,
    `first post-dump ${pid} yes t 0`,
  ];
  assert.deepEqual(readFileSync(log, 'utf8').trimEnd().split('\n'), lines);
});

test('a failing pre-dump script ends the dump before anything happens', () => {
  const pid = victim();
  const images = folder();
  const done = criuTs([
    'dump',
    '-t',
    String(pid),
    '-D',
    images,
    '--action-script',
    script('refuse', pid, join(dir, 'log-refuse'), 'exit 3'),
  ]);
  assert.equal(done.status, 3);
  assert.match(done.stderr, /CR_SCRIPT {2}action script for pre-dump failed: \S+refuse: exit status 3\n {2}target: running\. {2}Try: /);
  assert.ok(!existsSync(join(images, 'inventory.img')));
  assert.ok(alive(pid));
});

test('a failing post-dump script keeps the tree running, and its status is ours', async () => {
  const pid = victim();
  const path = script('late', pid, join(dir, 'log-late'), '[ $CRTOOLS_SCRIPT_ACTION = post-dump ] && exit 7; exit 0');
  const done = criuTs(['dump', '-t', String(pid), '-D', folder(), '--action-script', path]);
  assert.equal(done.status, 7);
  assert.match(done.stderr, /CR_SCRIPT {2}action script for post-dump failed: \S+late: exit status 7\n {2}target: running\./);
  await sleep(50);
  assert.ok(alive(pid));
  assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^State:\s*S[^]*^TracerPid:\s*0$/m);
});

test('a script that cannot be run is a failure that names it', () => {
  const pid = victim();
  const done = criuTs(['dump', '-t', String(pid), '-D', folder(), '--action-script', join(dir, 'no-such-script')]);
  assert.equal(done.status, 1);
  assert.match(done.stderr, /no-such-script: cannot be run: ENOENT/);
  assert.ok(alive(pid));
});

test('without --leave-running the tree is gone after the post-dump script', async () => {
  const pid = victim();
  const log = join(dir, 'log-kill');
  const done = criuTs(['dump', '-t', String(pid), '-D', folder(), '--action-script', script('kill', pid, log), '--display-stats']);
  assert.equal(done.status, 0);
  assert.match(done.stdout, /^Displaying dump stats:\nFreezing time: \d+ us\nFrozen time: \d+ us\n[^]*Memory pages written: [1-9]\d* /);
  await sleep(50);
  assert.ok(!alive(pid));
});

test('progress: one line on a terminal after a second, removed at the end; none in a pipe, none for quick work', () => {
  const pid = victim();
  const slow = script('slow', pid, join(dir, 'log-slow'), 'sleep 1.2');
  const words = ['dump', '--no-default-config', '-R', '-t', String(pid)];
  const onTerminal = (args: readonly string[]) =>
    spawnSync('script', ['-qec', [launcher, ...args].join(' '), '/dev/null'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const seen = onTerminal([...words, '-D', folder(), '--action-script', slow]);
  assert.equal(seen.status, 0, seen.stdout);
  assert.match(seen.stdout, /\r\x1b\[Kcriu-ts: \w+(?: \d+ %)?/);
  assert.match(seen.stdout, /\r\x1b\[K$/);
  const quick = onTerminal([...words, '-D', folder()]);
  assert.equal(quick.stdout, '');
  const piped = criuTs([...words.slice(0, 1), ...words.slice(2), '-D', folder(), '--action-script', slow]);
  assert.deepEqual([piped.status, piped.stdout, piped.stderr], [0, '', '']);
});
