import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFdNames } from '../../../../core/kernel/procfs/fd-list.js';
import { parseLimits, RLIM_INFINITY } from '../../../../core/kernel/procfs/limits.js';
import { parseChildren, parseThreadNames } from '../../../../core/kernel/procfs/task-list.js';
import { assertRefused, changed, fixture, parseLocks, textOf } from './helper.js';

test('children: none, one, many', () => {
  assert.deepEqual(parseChildren(textOf('')), []);
  assert.deepEqual(parseChildren(textOf('12 ')), [12]);
  assert.deepEqual(parseChildren(textOf('4194304 1 77 ')), [4194304, 1, 77]);
});

test('children: a number without its blank is truncated text', () => {
  assertRefused(() => parseChildren(textOf('12 13')), /" " should be/, 5);
  for (const bad of ['0 ', '4194305 ', '-1 ', ' 1 ', '1  ', '1\n', '99999999999999999999 '])
    assertRefused(() => parseChildren(textOf(bad)), /expected|ends/);
});

test('thread ids and descriptors are sorted as numbers', () => {
  assert.deepEqual(parseThreadNames(['10', '9', '4194304'], '/proc/9/task'), [9, 10, 4194304]);
  assert.deepEqual(parseFdNames(['10', '0', '9', '2147483647'], '/proc/9/fd'), [0, 9, 10, 2147483647]);
  for (const bad of ['0', '4194305', '-1', '', 'x', '1x', '01', '1e3', '99999999999']) {
    assertRefused(() => parseThreadNames(['1', bad], '/proc/9/task'), /not a thread id/);
  }
  for (const bad of ['2147483648', '-1', '', ' 1', '0x1']) assertRefused(() => parseFdNames([bad], '/proc/9/fd'), /not a descriptor/);
});

test('limits of the captured text, by RLIMIT number', () => {
  const limits = parseLimits(fixture('limits.txt'));
  assert.equal(limits.length, 16);
  const at = (n: number): bigint[] => [limits[n]?.soft ?? -1n, limits[n]?.hard ?? -1n];
  assert.deepEqual(at(0), [RLIM_INFINITY, RLIM_INFINITY]);
  assert.deepEqual(at(3), [8388608n, RLIM_INFINITY]);
  assert.deepEqual(at(4), [0n, RLIM_INFINITY]);
  assert.deepEqual(at(6), [96365n, 96365n]);
  assert.deepEqual(at(7), [20000n, 20000n]);
  assert.deepEqual(at(12), [819200n, 819200n]);
  assert.deepEqual(at(15), [RLIM_INFINITY, RLIM_INFINITY]);
});

test('limits: each line goes to its number, unknown lines are ignored', () => {
  let value = 100;
  const numbered = changed('limits.txt', (all) =>
    all.replace(/^(Max [a-z ]+?) {2,}.*$/gm, (_line, name: string) => `${name}   ${value++}   ${value++}   x`),
  );
  const limits = parseLimits(numbered);
  for (const [i, limit] of limits.entries()) assert.deepEqual([limit.soft, limit.hard], [BigInt(100 + 2 * i), BigInt(101 + 2 * i)]);
  assert.equal(parseLimits(changed('limits.txt', (all) => all.replace('Max cpu', 'Max new thing   5  6\nMax cpu'))).length, 16);
});

test('limits: a missing line and a damaged one are refused', () => {
  assertRefused(() => parseLimits(changed('limits.txt', (all) => all.replace(/Max msgqueue.*\n/, ''))), /Max msgqueue size/);
  assertRefused(() => parseLimits(changed('limits.txt', (all) => all.replace('819200 ', '81920x '))), /limit|expected/);
  assertRefused(() => parseLimits(changed('limits.txt', (all) => all.trimEnd())), /newline/);
});

test('/proc/locks: all kinds, waiters, unknown files', () => {
  assert.deepEqual(
    parseLocks(fixture('locks.txt')).map((lock) => lock.type),
    ['OFDLCK', 'POSIX', 'FLOCK', 'LEASE'],
  );
  const text =
    '1: POSIX  ADVISORY  WRITE 5 fe:00:18446744073709551615 1 9223372036854775806\n1: -> POSIX  ADVISORY  READ  6 <none>:0 0 EOF\n1:     -> FLOCK  ADVISORY  UNLCK 0 00:1f:7 0 EOF\n';
  const locks = parseLocks(textOf(text));
  assert.deepEqual(locks[0], {
    id: 1,
    blocked: false,
    type: 'POSIX',
    mode: 'ADVISORY',
    access: 'WRITE',
    pid: 5,
    devMajor: 0xfe,
    devMinor: 0,
    inode: 2n ** 64n - 1n,
    start: 1n,
    end: 2n ** 63n - 2n,
  });
  assert.deepEqual(
    locks.map((lock) => lock.blocked),
    [false, true, true],
  );
  assert.deepEqual([locks[1]?.inode, locks[2]?.devMinor], [0n, 0x1f]);
  assertRefused(() => parseLocks(textOf('1: POSIX ADVISORY WRITE 5 fe:00 0 EOF\n')), /":"/);
  assertRefused(() => parseLocks(textOf('1: POSIX ADVISORY WRITE 5 fe:00:1 0 EOF')), /newline/);
  assertRefused(() => parseLocks(textOf('1: POSIX\n2: x')), /lock mode/);
});
