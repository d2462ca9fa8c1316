/**
 * `npm run demo`: starts a real program of several processes, checkpoints it into a folder, kills it, shows what is in the images, restores it and
 * proves that it went on from where it was. Ends with 0 only when every step did what it says.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, readlinkSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processTree, treeText } from './proc-tree.js';

/** From dist/test/demo. */
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const command = join(root, 'core/cli/criu-ts');

/** A reason why the demo cannot go on, in words for the user. */
class DemoFailure extends Error {}

function say(text: string): void {
  console.log(text);
}

function step(text: string): void {
  say(`\n== ${text}`);
}

/** Runs criu-ts as a user would, shows the command, and returns its standard output. */
function criu(...args: string[]): string {
  say(`$ criu-ts ${args.join(' ')}`);
  const start = performance.now();
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20 });
  if (done.status !== 0)
    throw new DemoFailure(`criu-ts ${args[0] ?? ''} ended with ${done.status ?? done.signal}:\n${done.stdout}${done.stderr}`);
  say(`  (${Math.round(performance.now() - start)} ms)`);
  return done.stdout;
}

function lines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch {
    // Not written yet.
    return [];
  }
}

/** Numbers at the start of the lines must be 1, 2, 3 ... : a program that started anew would begin at 1 again, a lost one would leave a gap. */
function countOf(path: string): number {
  const all = lines(path);
  for (const [index, line] of all.entries()) {
    if (Number.parseInt(line, 10) !== index + 1)
      throw new DemoFailure(`${path}:${index + 1} holds "${line}": the count did not go on in order`);
    if (line.includes('DAMAGED')) throw new DemoFailure(`${path}:${index + 1}: the heap of the worker is damaged`);
  }
  return all.length;
}

async function waitFor(what: string, ready: () => boolean): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (ready()) return;
    await sleep(50);
  }
  throw new DemoFailure(`waited 10 s in vain until ${what}`);
}

const alive = (pid: number): boolean => {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** What this user and kernel lack. `criu-ts check` knows; being root is asked here, because everything else follows from it. */
function requirements(): void {
  if (process.geteuid?.() !== 0) {
    throw new DemoFailure(
      'Checkpoint and restore need root: the capabilities CAP_SYS_PTRACE, CAP_SYS_ADMIN and CAP_CHECKPOINT_RESTORE.\nTry: sudo npm run demo',
    );
  }
  const done = spawnSync(command, ['check', '--no-default-config'], { encoding: 'utf8' });
  if (done.status !== 0) throw new DemoFailure(`This kernel or user lacks what checkpoint and restore need:\n${done.stdout}${done.stderr}`);
}

function start(work: string): ChildProcess {
  const log = openSync(join(work, 'output.txt'), 'w');
  // A session of its own, and no terminal: the tree must not depend on who started it.
  return spawn('/bin/sh', [join(root, 'test/demo/pipeline.sh'), join(root, 'dist/test/demo/worker')], {
    cwd: work,
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: '/usr/bin:/bin' },
  });
}

function showImages(images: string): void {
  const files = readdirSync(images).filter((name) => name.endsWith('.img'));
  const bytes = files.reduce((sum, name) => sum + statSync(join(images, name)).size, 0);
  say(`${files.length} image files, ${(bytes / 2 ** 20).toFixed(1)} MiB:`);
  say(`  ${files.join(' ')}`.replace(/(.{1,100})(?: |$)/g, '$1\n  ').trimEnd());
  say(criu('show', join(images, 'pstree.img')).trimEnd());
}

/** Processes of the demo are those that work in its folder: pids alone could belong to somebody else by now. */
function ours(work: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return pid !== process.pid && readlinkSync(`/proc/${pid}/cwd`) === work;
      } catch {
        // Ended meanwhile, or a kernel thread.
        return false;
      }
    });
}

/** The loop in the pipeline forks all the time: repeat until nobody is left. */
async function killAll(work: string): Promise<void> {
  for (let pids = ours(work), tries = 0; pids.length > 0 && tries < 100; pids = ours(work), tries++) {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        // Ended by itself meanwhile: that is what was wanted.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    await sleep(10);
  }
}

async function demo(work: string): Promise<void> {
  const images = join(work, 'images');
  mkdirSync(images);
  const counter = join(work, 'counter.txt');
  const worker = join(work, 'worker.txt');

  step('A shell pipeline that counts, and a worker with threads, heap and an open file');
  const child = start(work);
  const pid = child.pid;
  if (pid === undefined) throw new DemoFailure('the program could not be started');
  await waitFor('both count', () => countOf(counter) >= 10 && countOf(worker) >= 10);
  const before = processTree(pid);
  say(treeText(before));
  say(`counter.txt: ${countOf(counter)} lines; worker.txt: "${lines(worker).at(-1) ?? ''}"`);

  step('Checkpoint: freeze, write images, kill');
  criu('dump', '--tree', String(pid), '--images-dir', images, '--log-file', 'dump.log', '-v4');
  await waitFor('the processes are gone', () => !before.some((line) => alive(line.pid)));
  const counted = countOf(counter);
  const worked = countOf(worker);
  await sleep(500);
  if (countOf(counter) !== counted || countOf(worker) !== worked)
    throw new DemoFailure('something still counts, although the tree was killed');
  say(`all ${before.length} processes are gone; the files stand still at ${counted} and ${worked} lines`);

  step('What was saved');
  showImages(images);

  step('Restore');
  criu('restore', '--images-dir', images, '--restore-detached', '--log-file', 'restore.log', '-v4');
  say(treeText(processTree(pid)));
  await waitFor('both count on', () => countOf(counter) >= counted + 10 && countOf(worker) >= worked + 10);
  say(
    `counter.txt went on from ${counted} to ${countOf(counter)}, worker.txt from ${worked} to ${countOf(worker)}: "${lines(worker).at(-1) ?? ''}"`,
  );
}

async function main(): Promise<number> {
  requirements();
  const work = realpathSync(mkdtempSync(join(tmpdir(), 'criu-ts-demo-')));
  try {
    await demo(work);
  } catch (error) {
    console.error(`\nImages, logs and output are kept in ${work}`);
    throw error;
  } finally {
    await killAll(work);
  }
  say('\nThe program went on from where it was. Demo passed.');
  rmSync(work, { recursive: true });
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof DemoFailure)) throw error;
  console.error(`\nDemo failed: ${error.message}`);
  process.exitCode = 1;
}
