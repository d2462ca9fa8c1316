/** --file-validation: build ids as CRIU writes them, compared by both tools in images of either. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ImageReader } from '../../core/images/reader.js';
import { buildIdText } from '../../core/resources/files/build-id.js';
import { peers } from '../helpers/peers.js';
import { NEEDS_ROOT } from '../helpers/sweep.js';
import { call, dumpArguments, type Finished, logTail, ours, restoreArguments, type Tool, toolOf } from '../helpers/tools.js';
import { inFolder, killAll, WorkFolder } from '../helpers/work-folder.js';

const work = new WorkFolder('criu-ts-build-ids-');
const PEERS = peers().map(toolOf);
const FILESIZE = ['--file-validation', 'filesize'];

interface Case {
  readonly folder: string;
  readonly images: string;
  /** A copy of sleep(1), which runs, and is also open: for writing, for appending only, and by a descriptor that cannot be read. */
  readonly program: string;
  readonly child: ChildProcess;
}

async function begin(): Promise<Case> {
  const { folder, images } = work.add();
  const program = join(folder, 'program');
  for (const name of [program, join(folder, 'written'), join(folder, 'log')]) copyFileSync('/bin/sleep', name);
  const open = (name: string, flags: string, fd: number) => `os.dup2(os.open("${name}", ${flags}), ${fd})`;
  const script = `import os; ${open('written', 'os.O_WRONLY', 5)}; ${open('log', 'os.O_WRONLY | os.O_APPEND', 6)}; os.execv("./program", ["sleep", "1000"])`;
  const child = spawn('python3', ['-I', '-c', script], { cwd: folder, detached: true, stdio: 'ignore' });
  while (!isRunning(child.pid!, program)) await sleep(5);
  return { folder, images, program, child };
}

function isRunning(pid: number, program: string): boolean {
  return (
    readFileSync(`/proc/${pid}/maps`, 'latin1').includes(program) && readFileSync(`/proc/${pid}/wchan`, 'latin1').includes('nanosleep')
  );
}

function run(tool: Tool, args: readonly string[], { folder }: Case): Promise<Finished> {
  return call(tool.command, args, {
    cwd: folder,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    timeoutMs: 60_000,
    output: join(folder, 'out'),
  });
}

async function dump(tool: Tool, c: Case, options: readonly string[] = []): Promise<void> {
  const done = await run(tool, dumpArguments(c.child.pid!, { images: c.images, work: c.folder, options }), c);
  assert.equal(done.status, 0, `${tool.name}: ${done.text}\n${logTail(c.folder, 'dump.log')}`);
}

/** Killed by a dump, and reaped by us. */
async function ended({ child }: Case): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) await sleep(5);
}

async function restore(tool: Tool, c: Case, options: readonly string[] = []): Promise<Finished> {
  return run(tool, restoreArguments({ images: c.images, work: c.folder, options }), c);
}

/** Text of the build id by path. */
function idsIn(images: string): Map<string, string> {
  const files = new ImageReader(images).readAll('files').flatMap(({ reg }) => reg ?? []);
  return new Map(files.map(({ name, build_id }) => [name, buildIdText(build_id)]));
}

/** The running program keeps its file; by that name there is another one now. */
function replace(program: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(program);
  change(bytes);
  writeFileSync(program, bytes);
}

function fdinfo(pid: number, fd: string): string {
  try {
    return readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1');
  } catch {
    return ''; // It was closed meanwhile.
  }
}

/** @param id as text */
function placeOf(bytes: Buffer, id: string): number {
  const at = bytes.indexOf(Buffer.from(id, 'hex'));
  assert.ok(at > 0, `${id} is not in the program`);
  return at;
}

describe('build ids of ELF files', { skip: NEEDS_ROOT }, () => {
  test('are written as CRIU does, and not with filesize', async () => {
    const c = await begin();
    const written: Map<string, string>[] = [];
    for (const tool of [ours, ...PEERS]) {
      const images = join(c.folder, tool.name);
      mkdirSync(images);
      await dump(tool, { ...c, images }, ['--leave-running']);
      written.push(idsIn(images));
    }
    const [mine, ...theirs] = written;
    for (const its of theirs) assert.deepEqual(new Map([...mine!].sort()), new Map([...its].sort()));
    const id = mine!.get(c.program)!;
    assert.match(id, /^[0-9a-f]{40}$/);
    assert.equal(mine!.get(join(c.folder, 'written')), id);
    // Its size is not compared either.
    assert.equal(mine!.get(join(c.folder, 'log')), '');
    await dump(ours, c, ['--leave-running', ...FILESIZE]);
    assert.deepEqual(new Set(idsIn(c.images).values()), new Set(['']));
    killAll(c.folder);
  });

  for (const [from, to] of [
    [ours, ours],
    ...PEERS.flatMap((peer) => [
      [ours, peer],
      [peer, ours],
    ]),
  ] as [Tool, Tool][])
    test(`${from.name} dumps, ${to.name} restores: another build id is refused`, async () => {
      const c = await begin();
      await dump(from, c);
      await ended(c);
      const id = idsIn(c.images).get(c.program)!;
      const other = `00${id.slice(2)}`;
      const original = readFileSync(c.program);
      replace(c.program, (bytes) => void (bytes[placeOf(bytes, id)] = 0));

      const refused = await restore(to, c);
      assert.equal(refused.status, 1, `${to.name} took a program with another build id`);
      const log = logTail(c.folder, 'restore.log', 1000);
      assert.ok(log.includes(c.program.slice(1)), log);
      if (to === ours) assert.match(log, new RegExp(`CR_FILE_CHANGED.*has the build id ${other}, had ${id}.*`, 's'));
      // CRIU ends before what it had made is gone.
      if (to === ours) assert.deepEqual(inFolder(c.folder), []);
      while (existsSync(`/proc/${c.child.pid}`)) await sleep(5);

      // NT_GNU_BUILD_ID of the note becomes a number that nobody knows. Without an id in the file both tools go by its size.
      replace(c.program, (bytes) => {
        original.copy(bytes);
        bytes.writeUInt32LE(0x999, placeOf(bytes, id) - 8);
      });
      const gone = await restore(to, c);
      assert.equal(gone.status, 0, `${to.name}: ${gone.text}\n${logTail(c.folder, 'restore.log')}`);
      if (to === ours)
        assert.match(
          logTail(c.folder, 'restore.log', 1000),
          new RegExp(`${c.program} had the build id ${id} at the dump and has none now`),
        );
      killAll(c.folder);
    });

  test('files with leases are left alone', async () => {
    const { folder, images } = work.add();
    for (const name of ['written', 'mapped']) copyFileSync('/bin/sleep', join(folder, name));
    const script =
      'import fcntl, mmap, os, time; w = os.open("written", os.O_WRONLY); m = os.open("mapped", os.O_RDWR); memory = mmap.mmap(m, 4096); ' +
      '[fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK) for fd in (w, m)]; time.sleep(1000)';
    const child = spawn('python3', ['-I', '-c', script], { cwd: folder, detached: true, stdio: 'ignore' });
    const held = () => readdirSync(`/proc/${child.pid}/fdinfo`).filter((fd) => /LEASE +ACTIVE +WRITE/.test(fdinfo(child.pid!, fd))).length;
    // mmap of Python has a descriptor of its own.
    while (held() < 3) await sleep(5);
    await dump(ours, { folder, images, program: '', child }, ['--leave-running', '--file-locks']);
    // To open one would break its lease, and the SIGIO of that would have ended the holder.
    assert.equal(held(), 3);
    assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
    assert.equal(idsIn(images).get(join(folder, 'written')), '');
    killAll(folder);
  });

  test('filesize at the restore takes a program with another build id', async () => {
    const c = await begin();
    await dump(ours, c);
    await ended(c);
    const id = idsIn(c.images).get(c.program)!;
    replace(c.program, (bytes) => void (bytes[placeOf(bytes, id)] = 0));
    const planned = await restore(ours, c, ['--dry-run']);
    assert.equal(planned.status, 1, 'a dry run compares them, too');
    const done = await restore(ours, c, FILESIZE);
    assert.equal(done.status, 0, `${done.text}\n${logTail(c.folder, 'restore.log')}`);
    assert.ok(existsSync(`/proc/${c.child.pid}`));
    killAll(c.folder);
  });
});
