import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commOf, commProblem } from '../../../../core/resources/comm.js';
import { personalityOf } from '../../../../core/resources/personality.js';
import { limitProblems } from '../../../../core/resources/rlimits.js';
import { isInside, parseSection } from '../../../../core/resources/rseq.js';
import type { PreflightTask } from '../../../../core/dump/preflight-task.js';
import { isClamped, sched, schedProblem, unsupportedPolicy } from '../../../../core/resources/sched.js';

test('a name ends at its NUL and keeps bytes that are not UTF-8', () => {
  assert.equal(commOf(Buffer.from('worker\0rest of it')), 'worker');
  assert.equal(commOf(Buffer.from([0x61, 0xff, 0])), 'a\udcff');
  assert.equal(commOf(Buffer.alloc(16)), '');
});

test('a name that the kernel would cut off is refused', () => {
  assert.equal(commProblem('123456789012345'), null);
  assert.match(commProblem('1234567890123456') ?? '', /16 bytes/);
  // Bytes count, not characters.
  assert.match(commProblem('\u00e4'.repeat(8)) ?? '', /16 bytes/);
  assert.match(commProblem('a\0b') ?? '', /NUL/);
});

/** Every combination of the personality flags that exist. */
function* personalities(): Generator<number> {
  for (let flags = 0; flags < 1 << 11; flags++) yield flags * 0x20000;
}

test('every personality stands for itself', () => {
  for (const value of personalities()) assert.equal(personalityOf(value), value);
  assert.equal(personalityOf(0x20008), 0x20008);
});

test("CRIU's decimal reading of the hexadecimal text is understood wherever nothing was lost", () => {
  let understood = 0;
  for (const value of personalities()) {
    const text = value.toString(16).padStart(8, '0');
    if (/[a-f]/.test(text)) continue;
    assert.equal(personalityOf(Number(text)), value, text);
    understood++;
  }
  // 0, 2, 4, 6, 8 in one digit and 0 to 9 in two, and that is without the letters.
  assert.equal(understood, 500);
});

test('a number that is neither form is no personality', () => {
  assert.equal(personalityOf(0x11), null);
  assert.equal(personalityOf(0xf000_0000), null);
  assert.equal(personalityOf(-1), null);
});

const INFINITY = 0xffff_ffff_ffff_ffffn;
const ours = Array.from({ length: 16 }, (_none, i) => ({ soft: 0n, hard: i === 7 ? 20_000n : INFINITY }));

test('hard limits above ours need the right to raise them', () => {
  const wanted = ours.map(({ hard }) => ({ cur: hard, max: hard }));
  assert.deepEqual(limitProblems(wanted, ours, false), []);
  wanted[7] = { cur: 1n, max: 20_001n };
  const [line, ...rest] = limitProblems(wanted, ours, false);
  assert.match(line ?? '', /RLIMIT_NOFILE 20001, and criu-ts has 20000 and no CAP_SYS_RESOURCE/);
  assert.deepEqual(rest, []);
  assert.deepEqual(limitProblems(wanted, ours, true), []);
});

test('fewer limits than ours are fine, more are not', () => {
  assert.deepEqual(limitProblems([], ours, false), []);
  assert.equal(
    limitProblems(
      Array.from({ length: 17 }, () => ({ cur: 0n, max: 0n })),
      ours,
      true,
    ).length,
    1,
  );
});

test('scheduling that images can hold', () => {
  assert.equal(unsupportedPolicy(6), 'SCHED_DEADLINE');
  assert.equal(unsupportedPolicy(7), 'SCHED_EXT');
  for (const policy of [0, 1, 2, 3, 5]) assert.equal(unsupportedPolicy(policy), null);
  assert.equal(schedProblem({}), null);
  assert.equal(schedProblem({ sched_policy: 0x4000_0001, sched_prio: 99, sched_nice: -20 }), null);
  for (const bad of [
    { sched_policy: 1, sched_prio: 0 },
    { sched_policy: 2, sched_prio: 100 },
    { sched_policy: 0, sched_prio: 1 },
    { sched_policy: 4 },
    { sched_policy: 6 },
    { sched_nice: 20 },
    { sched_nice: -21 },
  ])
    assert.notEqual(schedProblem(bad), null, JSON.stringify(bad));
});

test('utilization clamps of a thread are told before the freeze, with its number', () => {
  const thread = (tid: number, max: number) => ({ tid, policy: 0, clamps: { min: 0, max } });
  const task = { pid: 70, threads: [thread(70, 1024), thread(71, 500)] } as unknown as PreflightTask;
  assert.deepEqual(sched.preflight!(task), [
    'thread 71 has utilization clamps (uclamp), which images cannot hold: remove them first (uclampset -m -1 -M -1 -p 71)',
  ]);
});

test('utilization clamps are told from their defaults', () => {
  assert.ok(!isClamped(0, 0, 0));
  assert.ok(!isClamped(0, 0, 1024));
  assert.ok(!isClamped(1, 1024, 1024));
  assert.ok(isClamped(0, 1024, 1024));
  assert.ok(isClamped(0, 0, 512));
  assert.ok(isClamped(1, 100, 1024));
});

function section(start: bigint, length: bigint, abort: bigint): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.writeBigUInt64LE(start, 8);
  bytes.writeBigUInt64LE(length, 16);
  bytes.writeBigUInt64LE(abort, 24);
  return bytes;
}

test('the borders of a critical section', () => {
  const cs = parseSection(section(0x1000n, 0x20n, 0x2000n));
  assert.ok(cs);
  assert.equal(cs.abort, 0x2000n);
  assert.ok(isInside(cs, 0x1000n));
  assert.ok(isInside(cs, 0x101fn));
  assert.ok(!isInside(cs, 0x1020n));
  assert.ok(!isInside(cs, 0xfffn));
});

test('a critical section of another version, or one that could not be read', () => {
  const bytes = section(0n, 1n, 0n);
  bytes.writeUInt32LE(1, 0);
  assert.equal(parseSection(bytes), null);
  assert.equal(parseSection(Buffer.alloc(31)), null);
});
