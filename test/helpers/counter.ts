/** A program that counts, in a folder of its own: whether it goes on after a restore, and with the right number, can be seen from outside. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dump } from '../../core/index.js';
import { inFolder, type WorkFolder } from './work-folder.js';

export interface Counter {
  readonly pid: number;
  readonly folder: string;
  readonly images: string;
  readonly count: () => number;
}

/** A program that counts: the number lives in its memory only, the file is written anew each time. */
const PROGRAM = `
import time
i = 0
while True:
    i += 1
    with open('count.new', 'w') as file: file.write(str(i))
    __import__('os').rename('count.new', 'count')
    time.sleep(0.02)
`;

/** Starts one. It has counted a little. */
export async function startCounter(work: WorkFolder): Promise<Counter> {
  const { folder, images } = work.add();
  // One process: orphans of a killed tree are collected by init, and some take a second for that.
  const child = spawn('/usr/bin/python3', ['-c', PROGRAM], { cwd: folder, detached: true, stdio: 'ignore' });
  assert.ok(child.pid);
  const count = () => Number(existsSync(join(folder, 'count')) ? readFileSync(join(folder, 'count'), 'utf8') : 0);
  for (let i = 0; i < 1500 && count() < 3; i++) await sleep(20);
  return { pid: child.pid, folder, images, count };
}

/** Text of /proc/PID/status, '' when there is no such process. */
export function status(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // No such process.
    return '';
  }
}

/** Counts on from `from`, neither anew nor with a jump. */
export async function goesOn({ count }: Counter, from: number): Promise<void> {
  const first = count();
  assert.ok(first >= from && first <= from + 100, `${first} after ${from}`);
  for (let i = 0; i < 1500 && count() < first + 3; i++) await sleep(20);
  assert.ok(count() >= first + 3, 'it does not count');
}

/** Dumps and kills. Returns the last count. */
export async function dumped(target: Counter): Promise<number> {
  await dump({ pid: target.pid, imagesDir: target.images });
  await gone(target);
  return target.count();
}

/** Until nobody works in the folder, and we have collected the zombie of the root. */
export async function gone({ folder, pid }: Counter): Promise<void> {
  for (let i = 0; i < 1500 && (inFolder(folder).length > 0 || status(pid) !== ''); i++) await sleep(10);
  assert.equal(status(pid), '');
}
