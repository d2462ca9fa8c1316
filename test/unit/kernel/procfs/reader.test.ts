import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CrError } from '../../../../core/errors.js';
import { readFds } from '../../../../core/kernel/procfs/fd-list.js';
import { readLimits } from '../../../../core/kernel/procfs/limits.js';
import { readFdTarget, readTaskLink } from '../../../../core/kernel/procfs/links.js';
import { readMaps } from '../../../../core/kernel/procfs/maps.js';
import { readNamespaces } from '../../../../core/kernel/procfs/ns.js';
import { ProcReader, taskDir } from '../../../../core/kernel/procfs/reader.js';
import { readSmaps } from '../../../../core/kernel/procfs/smaps.js';
import { readStat } from '../../../../core/kernel/procfs/stat.js';
import { readStatus } from '../../../../core/kernel/procfs/status.js';
import { readChildren, readThreads } from '../../../../core/kernel/procfs/task-list.js';
import { readComm, readOomScoreAdj, readTimerSlack } from '../../../../core/kernel/procfs/task-values.js';

const root = mkdtempSync(join(tmpdir(), 'procfs-'));
after(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, '5/fd'), { recursive: true });
writeFileSync(join(root, '5/big'), 'x'.repeat(20_000));
symlinkSync('target (deleted)', join(root, '5/fd/0'));

/** More than PID_MAX_LIMIT: no such task on any host. */
const NOBODY = 4194305;

test('grows the buffer to the size of the text', () => {
  const reader = new ProcReader(root, 16);
  assert.equal(reader.read('5/big', 20_000)?.bytes.length, 20_000);
  assert.equal(reader.read('5/big', 20_000)?.path, `${root}/5/big`);
});

test('more than the limit is an error that names the file', () => {
  assert.throws(
    () => new ProcReader(root).read('5/big', 19_999),
    (error: unknown) => error instanceof CrError && error.code === 'CR_KERNEL' && error.subject.path === `${root}/5/big`,
  );
});

test('what is gone is null', () => {
  const reader = new ProcReader();
  assert.equal(reader.read(`${NOBODY}/stat`, 10), null);
  assert.equal(reader.link(`${NOBODY}/exe`), null);
  assert.equal(reader.names(`${NOBODY}/fd`), null);
  assert.equal(reader.stat(`${NOBODY}/exe`), null);
  for (const read of [
    readMaps,
    readSmaps,
    readStat,
    readStatus,
    readLimits,
    readFds,
    readThreads,
    readComm,
    readNamespaces,
    readOomScoreAdj,
  ]) {
    assert.equal(read(reader, NOBODY), null, read.name);
  }
});

test('other errors carry path and errno', () => {
  const reader = new ProcReader(root);
  for (const [call, wanted] of [
    [() => reader.read('5/fd', 10), 'EISDIR'],
    [() => reader.names('5/big'), 'ENOTDIR'],
    [() => reader.link('5/big'), 'EINVAL'],
  ] as const) {
    assert.throws(call, (error: unknown) => {
      assert.ok(error instanceof CrError);
      assert.equal(error.code, 'CR_KERNEL');
      assert.equal(error.kernel?.errno, wanted);
      assert.match(error.message, new RegExp(`^${root}/5/`));
      return true;
    });
  }
});

test('links are read, not followed', () => {
  assert.deepEqual(readFds(new ProcReader(root), 5), [{ fd: 0, link: 'target (deleted)' }]);
  // The text of the link leads nowhere, so there is no file behind it.
  assert.equal(readFdTarget(new ProcReader(root), 5, 0), null);
});

test('this process, as the running kernel shows it', () => {
  const reader = new ProcReader('/proc', 4096);
  const { pid } = process;
  const stat = readStat(reader, pid);
  const status = readStatus(reader, pid, pid);
  assert.equal(stat?.pid, pid);
  assert.equal(stat.ppid, process.ppid);
  assert.equal(status?.ppid, process.ppid);
  assert.equal(status.uids[0], process.getuid?.());
  assert.ok(readThreads(reader, pid)?.includes(pid));
  assert.ok(readChildren(reader, pid, pid));
  const maps = readMaps(reader, pid);
  const smaps = readSmaps(reader, pid);
  assert.ok(maps?.some((vma) => vma.kind === 'vdso'));
  assert.ok(smaps?.some((vma) => vma.kind === 'stack' && vma.vmFlags.has('gd')));
  const exe = readTaskLink(reader, pid, 'exe');
  const text = maps?.find((vma) => vma.inode === exe?.file.inode);
  assert.equal(text?.devMajor, exe?.file.devMajor);
  assert.ok((readTimerSlack(reader, pid) ?? 0n) > 0n);
  assert.equal(typeof readNamespaces(reader, pid)?.pid, 'number');
  assert.equal(readLimits(reader, pid)?.length, 16);
  assert.equal(taskDir(pid, 7), `${pid}/task/7`);
});
