import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FdInfo, parseFdInfo } from '../../../../core/kernel/procfs/fdinfo.js';
import { assertRefused, changed, fixture, textOf } from './helper.js';

const HEAD = 'pos:\t0\nflags:\t02\nmnt_id:\t17\nino:\t1038\n';

function of(kind: string): FdInfo {
  return parseFdInfo(fixture(`fdinfo-${kind}.txt`));
}

test('position, flags, mount and inode', () => {
  const mem = of('mem');
  assert.equal(mem.pos, 2147479552n);
  assert.equal(mem.flags, 0o2100000);
  assert.equal(of('opath').flags, 0o12000000);
  assert.equal(of('pidfd').inode, 7469n);
  const old = parseFdInfo(textOf('pos:\t-4096\nflags:\t0100000\nmnt_id:\t1\n'));
  assert.deepEqual([old.pos, old.inode], [-4096n, null]);
});

test('a plain descriptor has no details', () => {
  const socket = of('socket');
  assert.deepEqual(
    [socket.eventfd, socket.timerfd, socket.signalMask, socket.fanotify, socket.pidfd, socket.ttyIndex],
    Array(6).fill(null),
  );
  assert.deepEqual([socket.epoll, socket.inotify, socket.locks, socket.extra], [[], [], [], []]);
});

test('eventfd: the count is hexadecimal', () => {
  assert.deepEqual(of('eventfd').eventfd, { count: 300n, id: 1, semaphore: true });
  const full = parseFdInfo(textOf(`${HEAD}eventfd-count: fffffffffffffffe\n`));
  assert.deepEqual(full.eventfd, { count: 2n ** 64n - 2n, id: null, semaphore: null });
});

test('epoll items', () => {
  assert.deepEqual(of('epoll').epoll, [
    { tfd: 5, events: 0x80000019, data: 0xdeadbeefcafebaben, pos: 0n, inode: 0x2ff0n, sdev: 15 },
    { tfd: 200, events: 0x1d, data: 2n ** 63n, pos: 0n, inode: 0x2ff0n, sdev: 15 },
    { tfd: 3, events: 0x10000019, data: 7n, pos: 0n, inode: 0x40en, sdev: 16 },
  ]);
});

test('timerfd', () => {
  assert.deepEqual(of('timerfd').timerfd, {
    clockId: 1,
    ticks: 0n,
    settimeFlags: 0,
    value: { sec: 3600n, nsec: 123444321 },
    interval: { sec: 1n, nsec: 500 },
  });
  const absolute = changed('fdinfo-timerfd.txt', (all) =>
    all.replace('flags: 00', 'flags: 03').replace('ticks: 0', 'ticks: 18446744073709551615'),
  );
  assert.equal(parseFdInfo(absolute).timerfd?.settimeFlags, 3);
  assert.equal(parseFdInfo(absolute).timerfd?.ticks, 2n ** 64n - 1n);
});

test('signalfd, pidfd, pty', () => {
  assert.equal(of('signalfd').signalMask, (1n << 9n) | (1n << 33n));
  assert.deepEqual(of('pidfd').pidfd, { pid: 7468, nsPids: [7468] });
  assert.deepEqual(of('pidfd-reaped').pidfd, { pid: -1, nsPids: [-1] });
  assert.deepEqual(parseFdInfo(textOf(`${HEAD}Pid:\t70\nNSpid:\t70\t7\t1\n`)).pidfd, { pid: 70, nsPids: [70, 7, 1] });
  assert.equal(of('pty-master').ttyIndex, 0);
  assert.equal(of('pty-slave').ttyIndex, null);
});

test('inotify watches with handles', () => {
  const [second, first] = of('inotify').inotify;
  assert.deepEqual([second?.wd, second?.mask, second?.inode, second?.sdev], [2, 2, 0x13n, 0xfe00000]);
  assert.deepEqual([first?.wd, first?.mask], [1, 0x300]);
  assert.deepEqual(Buffer.from(first?.handle?.bytes ?? []).toString('hex'), 'e8f7030000000000');
  assert.equal(first?.handle?.type, 1);
  const bare = parseFdInfo(textOf(`${HEAD}inotify wd:a ino:1 sdev:2 mask:3 ignored_mask:0 \n`)).inotify[0];
  assert.deepEqual([bare?.wd, bare?.handle], [10, null]);
});

test('fanotify marks', () => {
  const { fanotify } = of('fanotify');
  assert.deepEqual([fanotify?.flags, fanotify?.eventFlags], [0, 0x8000]);
  assert.deepEqual(
    fanotify?.marks.map((mark) => [mark.on, mark.mask, mark.mntId, mark.inode]),
    [
      ['filesystem', 8, null, null],
      ['inode', 0x20, null, 0x13n],
      ['mount', 0x20, 27, null],
    ],
  );
  const mark = parseFdInfo(
    textOf(`${HEAD}fanotify flags:10 event-flags:0\nfanotify mnt_ns:4026532177 mflags:0 mask:1000000 ignored_mask:0\n`),
  );
  assert.deepEqual([mark.fanotify?.marks[0]?.on, mark.fanotify?.marks[0]?.mntNs], ['mntns', 4026532177]);
});

test('locks', () => {
  const { locks } = of('locks');
  assert.deepEqual(
    locks.map((lock) => [lock.type, lock.mode, lock.access, lock.pid, lock.start, lock.end]),
    [
      ['FLOCK', 'ADVISORY', 'WRITE', 7427, 0n, null],
      ['POSIX', 'ADVISORY', 'WRITE', 7427, 5n, 14n],
      ['OFDLCK', 'ADVISORY', 'READ', -1, 50n, 69n],
    ],
  );
  assert.ok(locks.every((lock) => lock.devMajor === 0xfe && lock.devMinor === 0 && lock.inode === 2146496n && !lock.blocked));
  assert.equal(of('lease').locks[0]?.mode, 'ACTIVE');
});

test('lines of drivers stay raw', () => {
  const { extra } = of('io-uring');
  assert.equal(extra[0], 'SqMask:\t0x3');
  assert.equal(extra.at(-1), 'NAPI:\tdisabled');
});

test('truncated and foreign text is refused', () => {
  for (const kind of ['epoll', 'timerfd', 'inotify', 'fanotify', 'locks', 'eventfd', 'signalfd', 'pidfd']) {
    const name = `fdinfo-${kind}.txt`;
    assertRefused(() => parseFdInfo(changed(name, (all) => all.slice(0, -1))), /newline/);
    assertRefused(() => parseFdInfo(changed(name, (all) => all.replace(/\nmnt_id.*/, ''))), /mnt_id/);
  }
  assertRefused(() => parseFdInfo(textOf('')), /pos/);
  assertRefused(() => parseFdInfo(changed('fdinfo-timerfd.txt', (all) => all.replace(/ticks.*\n/, ''))), /ticks/);
  assertRefused(
    () => parseFdInfo(changed('fdinfo-inotify.txt', (all) => all.replace('fhandle-bytes:8', 'fhandle-bytes:ffffffff'))),
    /at most 128/,
  );
  assertRefused(
    () => parseFdInfo(changed('fdinfo-inotify.txt', (all) => all.replace('fhandle-bytes:8', 'fhandle-bytes:9'))),
    /byte of a file handle/,
  );
  assertRefused(() => parseFdInfo(changed('fdinfo-epoll.txt', (all) => all.replace('events: 8', 'event: 8'))), /events/);
});
