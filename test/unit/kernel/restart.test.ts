import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registers } from '../../../core/abi/ptrace.js';
import { resumeRegisters } from '../../../core/kernel/restart.js';

const at = (rax: bigint, call: bigint) => new Registers().set('rip', 0x1002n).set('rax', rax).set('orig_rax', call);
const seen = (r: Registers) => [r.get('rip'), BigInt.asIntN(64, r.get('rax')), BigInt.asIntN(64, r.get('orig_rax'))];

test('interrupted calls start over', () => {
  for (const rax of [-512n, -513n, -514n])
    assert.deepEqual(seen(resumeRegisters(at(rax, 0n), { signalPending: false, sameTask: true })), [0x1000n, 0n, -1n]);
});

test('a sleep continues in the same task and starts over in a new one', () => {
  assert.deepEqual(seen(resumeRegisters(at(-516n, 35n), { signalPending: false, sameTask: true })), [0x1000n, 219n, -1n]);
  assert.deepEqual(seen(resumeRegisters(at(-516n, 35n), { signalPending: false, sameTask: false })), [0x1000n, 35n, -1n]);
});

test('EINTR that only we caused is taken back, a real one stays', () => {
  assert.deepEqual(seen(resumeRegisters(at(-4n, 232n), { signalPending: false, sameTask: true })), [0x1000n, 232n, -1n]);
  assert.deepEqual(seen(resumeRegisters(at(-4n, 232n), { signalPending: true, sameTask: true })), [0x1002n, -4n, -1n]);
  assert.deepEqual(seen(resumeRegisters(at(-4n, 35n), { signalPending: false, sameTask: true })), [0x1002n, -4n, -1n]);
});

test('user code and finished calls are left alone', () => {
  assert.deepEqual(seen(resumeRegisters(at(-512n, -1n), { signalPending: false, sameTask: true })), [0x1002n, -512n, -1n]);
  assert.deepEqual(seen(resumeRegisters(at(42n, 1n), { signalPending: false, sameTask: true })), [0x1002n, 42n, -1n]);
});
