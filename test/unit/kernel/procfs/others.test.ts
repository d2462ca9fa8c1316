import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAuxv } from '../../../../core/kernel/procfs/auxv.js';
import { parseCgroup } from '../../../../core/kernel/procfs/cgroup.js';
import { isDeleted, parseLink } from '../../../../core/kernel/procfs/links.js';
import { parseMountInfo } from '../../../../core/kernel/procfs/mountinfo.js';
import { parseNsLink } from '../../../../core/kernel/procfs/ns.js';
import { type FileId, splitDev } from '../../../../core/kernel/procfs/reader.js';
import { parseShm, SHM_DEST } from '../../../../core/kernel/procfs/sysvipc-shm.js';
import { parseComm, parseValue } from '../../../../core/kernel/procfs/task-values.js';
import { parseTimers } from '../../../../core/kernel/procfs/timers.js';
import { assertRefused, changed, fixture, textOf } from './helper.js';

test('POSIX timers', () => {
  const timers = parseTimers(fixture('timers.txt'));
  assert.deepEqual(
    timers.map((timer) => [timer.id, timer.signal, timer.value, timer.notify, timer.target, timer.clockId]),
    [
      [3, 12, 9n, 'signal', 'pid', -6],
      [2, 10, 5n, 'signal', 'tid', -6],
      [1, 14, 0n, 'none', 'pid', 0],
      [0, 34, 0x1122334455667788n, 'signal', 'pid', 1],
    ],
  );
  assert.deepEqual(parseTimers(textOf('')), []);
  const longer = changed('timers.txt', (all) => all.replaceAll(/(ClockID.*\n)/g, '$1New: 7\n'));
  assert.deepEqual(parseTimers(longer), timers);
  assertRefused(() => parseTimers(changed('timers.txt', (all) => all.replace('none/', 'mail/'))), /signal or none or thread/);
  assertRefused(() => parseTimers(changed('timers.txt', (all) => all.slice(0, all.lastIndexOf('ClockID')))), /ClockID/);
});

test('mounts', () => {
  const mounts = parseMountInfo(fixture('mountinfo.txt'));
  assert.equal(mounts.length, 9);
  assert.deepEqual(mounts[2], {
    id: 26,
    parent: 24,
    devMajor: 0,
    devMinor: 24,
    root: '/',
    mountPoint: '/dev/pts',
    options: 'rw,nosuid,noexec,relatime',
    optional: ['shared:3', 'master:1'],
    fsType: 'devpts',
    source: 'devpts',
    superOptions: 'rw,mode=600,ptmxmode=000',
  });
  const escaped = mounts[4];
  assert.deepEqual([escaped?.root, escaped?.mountPoint, escaped?.source], ['/a b\\c', '/mnt/tab\tnew\nline#', '']);
  assert.deepEqual(escaped?.optional, ['propagate_from:2', 'unbindable']);
  assert.equal(mounts[5]?.root, 'net:[4026532177]');
  assert.equal(mounts[6]?.superOptions, 'rw,lowerdir=/l\\054ow\\0401,upperdir=/u');
  assert.deepEqual([mounts[7]?.fsType, mounts[7]?.source], ['fuse.sshfs', 'me@host:/x y']);
  assertRefused(() => parseMountInfo(textOf('1 1 0:1 / / rw shared:1\n')), /"-"|" "/);
  assertRefused(() => parseMountInfo(textOf(`1 1 0:1 / / rw ${'x '.repeat(40)}- a b c\n`)), /"-"/);
  assertRefused(() => parseMountInfo(changed('mountinfo.txt', (all) => all.trimEnd())), /newline/);
});

test('cgroups: names hold no colon, paths do', () => {
  assert.deepEqual(parseCgroup(fixture('cgroup.txt')), [
    { hierarchy: 9, controllers: ['name=systemd'], path: '/' },
    { hierarchy: 8, controllers: ['pids'], path: '/user.slice/user-0.slice' },
    { hierarchy: 3, controllers: ['cpu', 'cpuacct'], path: '/a:b c' },
    { hierarchy: 0, controllers: [], path: '/system.slice/x.service (deleted)' },
  ]);
  assertRefused(() => parseCgroup(textOf('1:cpu\n2:x:/\n')), /":" behind/);
  assertRefused(() => parseCgroup(textOf('1:cpu:/')), /newline/);
});

test('auxiliary vector, 64 and 32 bit', () => {
  const auxv = parseAuxv(fixture('auxv.bin'));
  assert.deepEqual(auxv.at(-1), { type: 0n, value: 0n });
  assert.equal(auxv.find((entry) => entry.type === 6n)?.value, 4096n);
  assert.ok((auxv.find((entry) => entry.type === 33n)?.value ?? 0n) > 0x7f00_0000_0000n);
  assert.deepEqual(parseAuxv(textOf('\x06\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0'), 4), [
    { type: 6n, value: 4096n },
    { type: 0n, value: 0n },
  ]);
  assert.deepEqual(parseAuxv(textOf('')), []);
  const { bytes } = fixture('auxv.bin');
  for (const length of [bytes.length - 16, bytes.length - 1, 8]) {
    assertRefused(() => parseAuxv({ bytes: bytes.subarray(0, length), path: '/proc/1/auxv' }), /AT_NULL/);
  }
});

test('auxv from the middle of a buffer', () => {
  const { bytes } = fixture('auxv.bin');
  const inside = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3);
  assert.deepEqual(parseAuxv({ bytes: inside, path: '/proc/1/auxv' }), parseAuxv(fixture('auxv.bin')));
});

test('System V shared memory', () => {
  const segments = parseShm(fixture('sysvipc-shm.txt'));
  assert.deepEqual(
    segments.map((segment) => [segment.key, segment.id, segment.mode, segment.size, segment.attached]),
    [
      [755453599, 0, 0o644, 4096n, 0],
      [0, 1, 0o600, 4096n, 1],
    ],
  );
  assert.equal(segments[1]?.attachTime, 1795451923n);
  const marked = changed('sysvipc-shm.txt', (all) => all.replace(/ 755453599 /, '-755453599 ').replace('  644 ', ' 1644 '));
  assert.deepEqual([parseShm(marked)[0]?.key, parseShm(marked)[0]?.mode], [-755453599, SHM_DEST | 0o644]);
  assertRefused(() => parseShm(changed('sysvipc-shm.txt', (all) => all.trimEnd())), /newline/);
  assertRefused(() => parseShm(textOf('')), /newline/);
});

test('single values', () => {
  assert.equal(
    parseValue(textOf('00c0000\n'), (s) => s.hex('x')),
    0xc0000,
  );
  assert.equal(
    parseValue(textOf('4294967295'), (s) => s.dec('x')),
    4294967295,
  );
  assert.equal(
    parseValue(textOf('-1000\n'), (s) => s.int('x')),
    -1000,
  );
  for (const bad of ['', '\n', 'x\n', '1 \n', '1\n\n'])
    assertRefused(() => parseValue(textOf(bad), (s) => s.int('a value')), /value|end of the text/);
});

test('comm: only the last newline is not part of the name', () => {
  assert.equal(parseComm(fixture('comm.txt')), ') R 1 (\n\\x');
  assert.equal(parseComm(textOf('\n')), '');
  assert.equal(parseComm(textOf('\xff\n')), '\uDCFF');
  assertRefused(() => parseComm(textOf('x')), /newline/);
});

test('namespace links', () => {
  assert.equal(parseNsLink('pid:[4026531836]', '/proc/1/ns/pid'), 4026531836);
  for (const bad of ['', 'pid:[]', 'pid:4026531836', 'pid:[1]x', 'pid:[-1]', '/x'])
    assertRefused(() => parseNsLink(bad, '/proc/1/ns/pid'), /not the name of a namespace/);
});

function file(inode: bigint, nlink = 1n): FileId {
  return { devMajor: 254, devMinor: 0, inode, mode: 0o100644, nlink, size: 0n, rdevMajor: 0, rdevMinor: 0 };
}

test('deleted files: the text alone does not decide', () => {
  const gone = parseLink('/tmp/x (deleted)', file(7n, 0n));
  assert.deepEqual([gone.path, gone.deletedSuffix, isDeleted(gone, null)], ['/tmp/x', true, true]);
  const real = parseLink('/tmp/x (deleted)', file(7n));
  assert.equal(isDeleted(real, file(7n)), false);
  assert.equal(isDeleted(real, file(8n)), true);
  // One of two hard links was removed: the inode lives, the name does not.
  assert.equal(isDeleted(parseLink('/tmp/x (deleted)', file(7n, 1n)), null), true);
  assert.equal(isDeleted(parseLink('/tmp/x', file(7n)), null), false);
  assert.equal(parseLink('(unreachable)/x', file(7n)).unreachable, true);
});

test('device numbers as the C library packs them', () => {
  assert.deepEqual(splitDev(0xfe00n), { major: 254, minor: 0 });
  assert.deepEqual(splitDev(0x8801n), { major: 136, minor: 1 });
  // Hex digits of both in turn: MMMM Mmmm mmmM MMmm.
  assert.deepEqual(splitDev(0x1234_59ab_cde6_78f0n), { major: 0x12345678, minor: 0x9abcdef0 });
});
