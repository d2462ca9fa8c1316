/** Trees that change while they are frozen: threads and children are born and end all the time, and every dump must still be of one whole tree. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dump } from '../../core/dump/run.js';
import { ImageReader } from '../../core/images/reader.js';
import { repository } from '../helpers/run-command.js';

const ROUNDS = 40;
const images = mkdtempSync(join(tmpdir(), 'criu-ts-churn-'));
const work = mkdtempSync(join(tmpdir(), 'criu-ts-churned-'));
const groups: number[] = [];
after(() => {
  for (const group of groups) process.kill(-group, 'SIGKILL');
  for (const path of [images, work]) rmSync(path, { recursive: true });
});

async function start(command: string, args: readonly string[]): Promise<number> {
  const child: ChildProcess = spawn(command, args, { detached: true, stdio: 'ignore', cwd: work });
  assert.ok(child.pid);
  groups.push(child.pid);
  await sleep(400);
  return child.pid;
}

/** Every dump succeeds, its images name each task once with parents first, and afterwards nobody is traced. */
async function dumpOften(pid: number): Promise<number> {
  let most = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { tasks, threads } = await dump({ pid, imagesDir: images, leaveRunning: true });
    const entries = new ImageReader(images).readAll('pstree');
    const pids = entries.map((entry) => entry.pid);
    assert.equal(pids.length, tasks);
    assert.equal(new Set(pids).size, tasks);
    for (const { pid: child, ppid } of entries.slice(1)) assert.ok(pids.indexOf(ppid) < pids.indexOf(child) && pids.includes(ppid));
    most = Math.max(most, tasks, threads);
  }
  assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^State:\s*[SRD][^]*^TracerPid:\s*0$/m);
  return most;
}

test('a shell that starts one short program after the other', async () => {
  assert.ok((await dumpOften(await start('/bin/sh', ['-c', 'while :; do /bin/true; done']))) >= 2);
});

test('descriptors and mappings that come and go', async () => {
  const script = `
import mmap, os
while True:
    for name in ('/proc/self/status', '/dev/null', 'churn-file'):
        os.close(os.open(name, os.O_RDWR | os.O_CREAT if name[0] == 'c' else os.O_RDONLY))
    fd = os.open('churn-file', os.O_RDWR); os.ftruncate(fd, 4096); mmap.mmap(fd, 4096).close(); os.close(fd)
    ends = os.pipe(); os.close(ends[0]); os.close(ends[1])
    os.unlink('churn-file')
`;
  const pid = await start('/usr/bin/python3', ['-c', script]);
  for (let round = 0; round < ROUNDS; round++) await dump({ pid, imagesDir: images, dryRun: true });
  await dumpOften(pid);
});

test('threads that are born and end', async () => {
  const script = `
import threading, time
while True:
    all = [threading.Thread(target=time.sleep, args=(0.0005,)) for _ in range(20)]
    [t.start() for t in all]; [t.join() for t in all]
`;
  await dumpOften(await start('/usr/bin/python3', ['-c', script]));
});

test('children that fork grandchildren and end', async () => {
  const script = `
import os, time
def churn():
    while True:
        pid = os.fork()
        if pid == 0:
            inner = os.fork()
            if inner == 0: time.sleep(0.002); os._exit(0)
            os.waitpid(inner, 0); os._exit(0)
        os.waitpid(pid, 0)
for _ in range(3):
    if os.fork() == 0: churn()
time.sleep(1000)
`;
  assert.ok((await dumpOften(await start('/usr/bin/python3', ['-c', script]))) >= 5);
});

test('brothers that a child makes (CLONE_PARENT)', async () => {
  const program = join(work, 'clone-parent');
  execFileSync(process.env['CC'] ?? 'cc', ['-O1', '-o', program, join(repository, 'test/fixtures/clone-parent.c')]);
  assert.ok((await dumpOften(await start(program, []))) >= 2);
});
