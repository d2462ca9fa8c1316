/** SIGINT and SIGTERM at any moment of a dump: the target is either dumped as asked or runs on as if nothing had happened. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeProcess, processesOf } from '../helpers/processes.js';
import { launcher } from '../helpers/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-signals-'));
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly text: string;
}

function ended(child: ChildProcess): Promise<Ended> {
  let text = '';
  child.stderr?.on('data', (part: Buffer) => (text += part.toString()));
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, text })));
}

/** A shell that counts in a file: a frozen or damaged one would stop counting. */
function counter(file: string): ChildProcess {
  const script = 'i=0; while :; do i=$((i+1)); echo $i > "$0"; sleep 0.01; done';
  const child = spawn('/bin/sh', ['-c', script, file], { detached: true, stdio: 'ignore' });
  children.push(child);
  return child;
}

const count = (file: string): number => Number(existsSync(file) ? readFileSync(file, 'utf8') : 0);
const status = (pid: number): string => readFileSync(`/proc/${pid}/status`, 'utf8');

/** Everybody in the session of the target, and what they do. */
const session = (pid: number): string[] =>
  processesOf({ folder: dir, sessions: new Set([pid]), since: 0 })
    .filter((info) => info.session === pid)
    .map(describeProcess);

async function runsOn(pid: number, file: string, when: string): Promise<void> {
  assert.match(status(pid), /^TracerPid:\s*0$/m, when);
  const before = count(file);
  // Looked at once in a round: between its truncation and the next number the file is empty.
  let now = before;
  for (let i = 0; i < 1500 && now <= before; i++) {
    await sleep(20);
    now = count(file);
  }
  assert.ok(now > before, `${when}: the target no longer counts (${before}):\n${session(pid).join('\n')}`);
}

/** One dump with one signal. Returns how it ended. */
async function interrupt(
  target: ChildProcess,
  file: string,
  signal: NodeJS.Signals,
  delay: number,
): Promise<'aborted' | 'killed' | 'done'> {
  const images = join(dir, `${signal}-${delay}`);
  mkdirSync(images);
  const pid = target.pid ?? 0;
  const tool = spawn(launcher, ['dump', '--no-default-config', '-t', String(pid), '-D', images, '--leave-running'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const end = ended(tool);
  await sleep(delay);
  tool.kill(signal);
  const { code, signal: by, text } = await end;
  const when = `${signal} after ${delay} ms (${by ?? code ?? ''}): ${text}`;
  await runsOn(pid, file, when);
  const whole = existsSync(join(images, 'inventory.img'));
  if (whole) {
    // The signal may also come when all is done and the command no longer listens.
    assert.ok(code === 0 || by === signal, when);
    return 'done';
  }
  if (by === signal) {
    // Before the command listens: nothing has been touched then.
    assert.deepEqual(readdirSync(images), [], when);
    return 'killed';
  }
  assert.equal(code, 1, when);
  assert.match(text, new RegExp(`CR_ABORTED {2}stopped by ${signal} .*\\n {2}target: running\\.`), when);
  assert.deepEqual(readdirSync(images), [], when);
  return 'aborted';
}

test('SIGINT and SIGTERM at many moments', async (t) => {
  const file = join(dir, 'count');
  const target = counter(file);
  const seen = { aborted: 0, killed: 0, done: 0 };
  for (let delay = 20; delay <= 400; delay += 10) seen[await interrupt(target, file, delay % 20 === 0 ? 'SIGINT' : 'SIGTERM', delay)]++;
  t.diagnostic(JSON.stringify(seen));
  assert.ok(seen.done > 0, 'every dump was stopped: later signals are needed');
  assert.ok(seen.killed + seen.aborted > 0, 'no dump was stopped');
});

test('SIGKILL of the tool at many moments: the target goes on, and no set of images looks whole unless it is', async () => {
  const file = join(dir, 'count-kill');
  const target = counter(file);
  for (let delay = 20; delay <= 300; delay += 10) {
    const images = join(dir, `SIGKILL-${delay}`);
    mkdirSync(images);
    const tool = spawn(launcher, ['dump', '--no-default-config', '-t', String(target.pid), '-D', images, '--leave-running'], {
      stdio: 'ignore',
    });
    const end = ended(tool);
    await sleep(delay);
    tool.kill('SIGKILL');
    await end;
    await runsOn(target.pid ?? 0, file, `SIGKILL after ${delay} ms`);
    if (existsSync(join(images, 'inventory.img'))) assert.ok(existsSync(join(images, 'pstree.img')));
  }
});
