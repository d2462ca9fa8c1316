import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStat } from '../../../../core/kernel/procfs/stat.js';
import { assertRefused, changed, fixture, textOf } from './helper.js';

/** Each field holds its own number, so that a field out of place shows. */
const NUMBERED = Array.from({ length: 50 }, (_, i) => (i === 0 ? 'S' : String(i + 3))).join(' ');

test('every field is the one of the man page', () => {
  assert.deepEqual(parseStat(textOf(`1 (x) ${NUMBERED}\n`)), {
    pid: 1,
    comm: 'x',
    state: 'S',
    ppid: 4,
    pgrp: 5,
    sid: 6,
    ttyNr: 7,
    tpgid: 8,
    flags: 9,
    minflt: 10,
    cminflt: 11,
    majflt: 12,
    cmajflt: 13,
    utime: 14,
    stime: 15,
    cutime: 16,
    cstime: 17,
    priority: 18,
    nice: 19,
    numThreads: 20,
    starttime: 22n,
    vsize: 23n,
    rss: 24n,
    rsslim: 25n,
    startCode: 26n,
    endCode: 27n,
    startStack: 28n,
    exitSignal: 38,
    processor: 39,
    rtPriority: 40,
    policy: 41,
    startData: 45n,
    endData: 46n,
    startBrk: 47n,
    argStart: 48n,
    argEnd: 49n,
    envStart: 50n,
    envEnd: 51n,
    exitCode: 52,
  });
});

test('a captured line whose name holds parentheses, a newline and a backslash', () => {
  const stat = parseStat(fixture('stat.txt'));
  assert.equal(stat.comm, ') R 1 (\n\\x');
  assert.equal(stat.state, 'R');
  assert.equal(stat.tpgid, -1);
  assert.equal(stat.rsslim, 2n ** 64n - 1n);
  assert.equal(stat.startStack, 140730068256768n);
  assert.equal(stat.exitSignal, 17);
});

test('names of any bytes', () => {
  for (const name of ['', '()', ') R 1 2 3 (', '\n', ' ', '\xff', ')))', '1 (x) S 1']) {
    const stat = parseStat(textOf(`7 (${name}) ${NUMBERED}\n`));
    assert.equal(stat.comm, name === '\xff' ? '\uDCFF' : name);
    assert.equal(stat.ppid, 4);
  }
});

test('negative numbers, the largest ones, and fields of newer kernels', () => {
  const fields = NUMBERED.split(' ');
  fields[16] = '-20';
  fields[42] = '18446744073709551615';
  const stat = parseStat(textOf(`1 (x) ${fields.join(' ')} 53 54\n`));
  assert.equal(stat.nice, -20);
  assert.equal(stat.startData, 2n ** 64n - 1n);
});

test('truncated and foreign text is refused', () => {
  const line = `1 (x) ${NUMBERED}\n`;
  for (let length = 0; length < line.length; length++) assertRefused(() => parseStat(textOf(line.slice(0, length))), /ends where|expected/);
  assertRefused(() => parseStat(textOf('0 (x) S 1\n')), /a pid/);
  assertRefused(() => parseStat(textOf(`1 (x) ? 4 ${NUMBERED}\n`)), /state letter/);
  assertRefused(() => parseStat(changed('stat.txt', (all) => all.replace('18446744073709551615', '18446744073709551616'))), /rsslim/);
});
