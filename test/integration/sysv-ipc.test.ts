/** System V IPC in the namespace that others use, too: what happens when they changed something between dump and restore. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CrError, dump, restore } from '../../core/index.js';
import { magicBytes, recordBytes } from '../../core/images/container.js';
import { kindOf } from '../../core/images/magic.js';
import { ImageReader } from '../../core/images/reader.js';
import { LocalCalls } from '../../core/kernel/local.js';

const IPC_CREAT_EXCL = 0o3000;
const IPC_RMID = 0;
const PAGE = 4096;

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-sysv-'));
const calls = new LocalCalls();
const pids = new Set<number>();
const segments = new Set<number>();

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
after(() => {
  pids.forEach(kill);
  for (const id of segments) calls.call('shmctl', id, IPC_RMID, 0);
  calls.close();
  rmSync(dir, { recursive: true });
});

/** Counts in a segment; the file shows how far it is. */
const COUNTER = `
import ctypes, os, time
c = ctypes.CDLL(None, use_errno=True)
c.shmat.restype = ctypes.c_void_p
id = c.shmget(KEY, 8192, 0o3600)
at = c.shmat(id, None, 0)
word = ctypes.c_long.from_address(at)
def show(name, value):
    with open(name + '.new', 'w') as file: file.write(str(value))
    os.rename(name + '.new', name)
show('id', id)
while True:
    word.value += 1
    show('count', word.value)
    time.sleep(0.01)
`;

interface Program {
  readonly pid: number;
  readonly images: string;
  readonly file: (name: string) => number;
}

let made = 0;

async function start(text: string, ready: string): Promise<Program> {
  const folder = join(dir, String(made++));
  const images = join(folder, 'images');
  mkdirSync(images, { recursive: true });
  const child = spawn('/usr/bin/python3', ['-c', text], { cwd: folder, detached: true, stdio: 'ignore' });
  assert.ok(child.pid);
  pids.add(child.pid);
  const file = (name: string) => {
    const text = existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '';
    return text === '' ? -1 : Number(text);
  };
  for (let i = 0; i < 500 && file(ready) < 0; i++) await sleep(10);
  assert.ok(file(ready) >= 0, 'the program did not come up');
  return { pid: child.pid, images, file };
}

const key = (process.pid % 0x8000) + 0x5353_0000;

/** A counter that was dumped and killed. Returns its segment and last count. */
async function dumped(): Promise<{ program: Program; id: number; count: number }> {
  const program = await start(COUNTER.replace('KEY', String(key)), 'count');
  const id = program.file('id');
  segments.add(id);
  await dump({ pid: program.pid, imagesDir: program.images });
  for (let i = 0; i < 500 && existsSync(`/proc/${program.pid}`); i++) await sleep(10);
  return { program, id, count: program.file('count') };
}

/** Writes a number into the segment as another process would, and returns where it stays attached. */
function write(id: number, value: bigint): number {
  const at = calls.call('shmat', id, 0, 0);
  assert.ok(at > 0, `shmat: ${at}`);
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  writeFileSync(join(dir, 'value'), bytes);
  const fd = calls.must({ why: 'open the value' }, 'openat', -100, calls.text(Buffer.from(join(dir, 'value'))), 0, 0);
  assert.equal(calls.call('read', fd, at, 8), 8);
  calls.call('close', fd);
  return at;
}

/** Counts on from `from`. */
async function goesOn(program: Program, from: number): Promise<void> {
  const first = program.file('count');
  for (let i = 0; i < 1500 && program.file('count') < first + 3; i++) await sleep(10);
  const now = program.file('count');
  assert.ok(now > from && now < from + 500, `${now} after ${from}`);
}

function end(program: Program, id: number): void {
  kill(program.pid);
  calls.call('shmctl', id, IPC_RMID, 0);
  segments.delete(id);
}

async function refused(program: Program, message: RegExp): Promise<void> {
  await assert.rejects(restore({ imagesDir: program.images, detached: true }), (error: unknown) => {
    assert.ok(error instanceof CrError);
    assert.match(error.message, message);
    assert.equal(error.target, 'not started');
    return true;
  });
}

test('a segment that is still there is attached again, with the content of the dump', async () => {
  const { program, id, count } = await dumped();
  assert.equal(calls.call('shmdt', write(id, 5_000_000n)), 0);
  await restore({ imagesDir: program.images, detached: true });
  await goesOn(program, count);
  end(program, id);
});

test('a segment that somebody else has attached keeps what it holds', async () => {
  const { program, id } = await dumped();
  const at = write(id, 7_000_000n);
  await restore({ imagesDir: program.images, detached: true });
  await goesOn(program, 7_000_000);
  calls.call('shmdt', at);
  end(program, id);
});

test('a segment that is gone is made again: same id, same key, same content', async () => {
  const { program, id, count } = await dumped();
  assert.equal(calls.call('shmctl', id, IPC_RMID, 0), 0);
  await restore({ imagesDir: program.images, detached: true });
  assert.equal(calls.call('shmget', key, 0, 0), id);
  await goesOn(program, count);
  end(program, id);
});

test('an id or key that belongs to another segment now is refused, and that segment is left alone', async () => {
  const { program, id, count } = await dumped();
  assert.equal(calls.call('shmctl', id, IPC_RMID, 0), 0);
  const other = calls.call('shmget', key, 2 * PAGE, IPC_CREAT_EXCL | 0o600);
  segments.add(other);
  assert.ok(other >= 0 && other !== id);
  await refused(program, new RegExp(`segment ${other} has that key: .*ipcrm -m ${other}`));
  assert.equal(calls.call('shmctl', other, IPC_RMID, 0), 0);
  writeFileSync('/proc/sys/kernel/shm_next_id', String(id));
  assert.equal(calls.call('shmget', key + 1, 3 * PAGE, IPC_CREAT_EXCL | 0o600), id);
  await refused(program, new RegExp(`that id belongs to another one .*12288 bytes.*ipcrm -m ${id}`));
  assert.equal(calls.call('shmget', key + 1, 0, 0), id);
  assert.equal(calls.call('shmctl', id, IPC_RMID, 0), 0);
  await restore({ imagesDir: program.images, detached: true });
  await goesOn(program, count);
  end(program, id);
});

test('a restore that fails removes the segments that it made', async () => {
  const { program, id } = await dumped();
  assert.equal(calls.call('shmctl', id, IPC_RMID, 0), 0);
  const script = join(dir, 'fails');
  writeFileSync(script, '#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" != post-restore ]\n');
  chmodSync(script, 0o755);
  await assert.rejects(restore({ imagesDir: program.images, detached: true, actionScripts: [script] }), /post-restore/);
  assert.equal(calls.call('shmget', key, 0, 0), -2);
  end(program, id);
});

const UNDO = `
import ctypes, struct, time
c = ctypes.CDLL(None, use_errno=True)
id = c.semget(0, 2, 0o3600)
c.semop(id, struct.pack('=HhhHhh', 1, 3, 0, 1, -2, 0o10000), 2)
open('id', 'w').write(str(id))
while True: time.sleep(0.01)
`;

test('a process that would change a semaphore of ours by its end is refused, and goes on unharmed', async () => {
  const program = await start(UNDO, 'id');
  const id = program.file('id');
  try {
    await assert.rejects(dump({ pid: program.pid, imagesDir: program.images }), (error: unknown) => {
      assert.ok(error instanceof CrError);
      assert.match(error.message, new RegExp(`semaphore 1 of set ${id} by 2 if it ended \\(SEM_UNDO\\)`));
      assert.equal(error.target, 'running');
      return true;
    });
    const GETVAL = 12;
    assert.equal(calls.call('semctl', id, 1, GETVAL, 0), 1);
    kill(program.pid);
    for (let i = 0; i < 1500 && calls.call('semctl', id, 1, GETVAL, 0) !== 3; i++) await sleep(10);
    assert.equal(calls.call('semctl', id, 1, GETVAL, 0), 3);
  } finally {
    calls.call('semctl', id, 0, IPC_RMID, 0);
  }
});

test('images of a tree in another namespace of a kind that is not built are refused', async () => {
  const { program, id } = await dumped();
  const entry = new ImageReader(program.images).readOne('ids', program.pid);
  const kind = kindOf('ids');
  const name = join(program.images, `ids-${program.pid}.img`);
  writeFileSync(name, Buffer.concat([magicBytes(kind), recordBytes(kind.type, { ...entry, uts_ns_id: 99 })]));
  await refused(program, /had a uts namespace of its own/);
  end(program, id);
});

const TWO_NAMESPACES = `
import ctypes, os, time
if os.fork() == 0:
    ctypes.CDLL(None).unshare(0x8000000)
    open('ready', 'w').write('1')
while True: time.sleep(0.01)
`;

test('a tree in two IPC namespaces is refused before it is frozen', async () => {
  const program = await start(
    TWO_NAMESPACES.replace('time.sleep(0.01)', 'time.sleep(0.01) if os.getppid() != 1 else os._exit(0)'),
    'ready',
  );
  await assert.rejects(
    dump({ pid: program.pid, imagesDir: program.images }),
    /is in another ipc namespace \(\d+\) than the root of the tree/,
  );
  process.kill(-program.pid, 'SIGKILL');
});
