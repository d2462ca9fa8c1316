import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findSyscall, jumpTo } from '../../../../core/arch/x64/code.js';
import {
  callAt,
  daemonAt,
  empty,
  get,
  isNative,
  movedTo,
  parkedAt,
  REG_NAMES,
  resultOf,
  set,
} from '../../../../core/arch/x64/registers.js';
import { fillStub, STUB_DATA, STUB_DATA_SIZE } from '../../../../core/arch/x64/stub.js';

/** Every register has a value of its own. */
function numbered() {
  const registers = empty();
  REG_NAMES.forEach((name, i) => set(registers, name, 0x100 + i));
  return registers;
}

/** Registers that differ, with their new values. */
function changes(to: ReturnType<typeof numbered>): Record<string, bigint> {
  const from = numbered();
  const changed = REG_NAMES.filter((name) => get(from, name) !== get(to, name));
  return Object.fromEntries(changed.map((name) => [name, BigInt.asIntN(64, get(to, name))]));
}

test('a call changes its number, its arguments and where the thread is, and nothing else', () => {
  assert.deepEqual(changes(callAt(numbered(), 0x7000, 9, [1, 2, 3, 4, -1n, 6])), {
    rip: 0x7000n,
    orig_rax: -1n,
    rax: 9n,
    rdi: 1n,
    rsi: 2n,
    rdx: 3n,
    r10: 4n,
    r8: -1n,
    r9: 6n,
  });
  assert.deepEqual(changes(callAt(numbered(), 0x7000, 39, [])), { rip: 0x7000n, orig_rax: -1n, rax: 39n });
});

test('a daemon starts with its stack and its block; a parked thread is in no call; a moved one stays in it', () => {
  assert.deepEqual(changes(daemonAt(numbered(), 0x1000, 0x2000, 0x3000)), {
    rip: 0x1000n,
    orig_rax: -1n,
    rsp: 0x2000n,
    rdi: 0x3000n,
    eflags: 0x202n,
  });
  assert.deepEqual(changes(parkedAt(numbered(), 0x1000)), { rip: 0x1000n, orig_rax: -1n });
  assert.deepEqual(changes(movedTo(numbered(), 0x1000n)), { rip: 0x1000n });
});

test('results are signed; 32-bit code is told by its segment', () => {
  const registers = empty();
  set(registers, 'rax', -12);
  assert.equal(resultOf(registers), -12n);
  set(registers, 'cs', 0x33);
  assert.ok(isNative(registers));
  set(registers, 'cs', 0x23);
  assert.ok(!isNative(registers));
});

test('a stub has its registers, the mask and the mappings where the assembler expects them', () => {
  const data = Buffer.alloc(STUB_DATA_SIZE);
  const registers = numbered();
  fillStub(data, { registers, mask: -1n, code: { addr: 0x1000, size: 0x2000 }, data: { addr: 0x3000, size: 0x4000 } });
  const { mask, codeAddr, codeSize, dataAddr, dataLength, ...loaded } = STUB_DATA;
  for (const [name, at] of Object.entries(loaded))
    assert.equal(data.readBigUInt64LE(at), get(registers, name as keyof typeof loaded), name);
  const rest = [mask, codeAddr, codeSize, dataAddr, dataLength].map((at) => data.readBigUInt64LE(at));
  assert.deepEqual(rest, [0xffffffffffffffffn, 0x1000n, 0x2000n, 0x3000n, 0x4000n]);
});

test('a system call instruction is found at any byte', () => {
  assert.equal(findSyscall(Buffer.from([0x90, 0x0f, 0x05, 0x90])), 1);
  assert.equal(findSyscall(Buffer.from([0x0f])), -1);
  assert.deepEqual(jumpTo(0x1122_3344_5566), Buffer.from([0x48, 0xb8, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0, 0xff, 0xe0]));
});
