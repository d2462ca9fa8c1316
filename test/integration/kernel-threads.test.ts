/**
 * ptrace(2), wait4(2), waitid(2), setns(2) and the clone3(2) of seeds are made by KernelThreads and nobody else: not on the event loop, not in the
 * libuv pool. The command runs under a tracer (fixtures/watch-calls.c) that notes who makes them.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { arch } from '../../core/arch/current.js';
import { launcher, repository } from '../helpers/run-command.js';

const WAITID = 247;
const BOUND = [arch.syscalls.ptrace, arch.syscalls.wait4, WAITID, arch.syscalls.setns];

const folder = mkdtempSync(join(tmpdir(), 'kernel-threads-'));
after(() => rmSync(folder, { recursive: true }));

const watcher = join(folder, 'watch-calls');
execFileSync('cc', ['-O1', '-Wall', '-o', watcher, join(repository, 'test/fixtures/watch-calls.c')]);

interface Seen {
  readonly nr: number;
  readonly tid: number;
  readonly comm: string;
}

/** Runs the command under the tracer. */
function watch(statuses: readonly number[], ...words: string[]): Seen[] {
  const notes = join(folder, 'calls');
  const args = [notes, ...BOUND.map(String), '--', launcher, ...words];
  const done = spawnSync(watcher, args, { encoding: 'utf8', timeout: 60_000 });
  assert.ok(statuses.includes(done.status ?? -1), `${words.join(' ')}: ${done.stdout}${done.stderr}`);
  return readFileSync(notes, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [nr, tid, ...comm] = line.split(' ');
      return { nr: Number(nr), tid: Number(tid), comm: comm.join(' ') };
    });
}

function checkThreads(seen: readonly Seen[]): void {
  assert.ok(
    seen.some((c) => c.nr === arch.syscalls.ptrace),
    'the tracer saw no ptrace call at all',
  );
  assert.deepEqual([...new Set(seen.map((c) => c.comm))], ['criu-ts-kernel']);
}

test('dump and restore make thread-bound calls on kernel threads only', async () => {
  const child = spawn('setsid', ['sleep', '100'], { stdio: 'ignore', cwd: '/' });
  const ended = new Promise((done) => child.once('exit', done));
  const common = ['--no-default-config', '-D', folder, '-W', folder];
  try {
    checkThreads(watch([0], 'dump', '-t', String(child.pid), ...common));
    await ended;
    checkThreads(watch([0], 'restore', '-d', ...common));
  } finally {
    try {
      process.kill(child.pid!, 'SIGKILL');
    } catch {
      // It was not restored: the assertion above says why.
    }
  }
});

test('check makes them on kernel threads only', () => {
  // 1: the tracer holds the children that some probes want to trace, so those report a missing feature.
  checkThreads(watch([0, 1], 'check', '--all'));
});
