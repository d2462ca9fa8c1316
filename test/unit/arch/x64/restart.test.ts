import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Registers } from '../../../../core/arch/arch.js';
import { empty, get, getSigned, set } from '../../../../core/arch/x64/registers.js';
import { resumed } from '../../../../core/arch/x64/restart.js';

function at(rax: bigint, call: bigint): Registers {
  const registers = empty();
  set(registers, 'rip', 0x1002n);
  set(registers, 'rax', rax);
  set(registers, 'orig_rax', call);
  return registers;
}
const seen = (r: Registers) => [get(r, 'rip'), getSigned(r, 'rax'), getSigned(r, 'orig_rax')];

test('interrupted calls start over', () => {
  for (const rax of [-512n, -513n, -514n])
    assert.deepEqual(seen(resumed(at(rax, 0n), { signalPending: false, sameTask: true })), [0x1000n, 0n, -1n]);
});

test('a sleep continues in the same task and starts over in a new one', () => {
  assert.deepEqual(seen(resumed(at(-516n, 35n), { signalPending: false, sameTask: true })), [0x1000n, 219n, -1n]);
  assert.deepEqual(seen(resumed(at(-516n, 35n), { signalPending: false, sameTask: false })), [0x1000n, 35n, -1n]);
});

test('EINTR that only we caused is taken back, a real one stays', () => {
  assert.deepEqual(seen(resumed(at(-4n, 232n), { signalPending: false, sameTask: true })), [0x1000n, 232n, -1n]);
  assert.deepEqual(seen(resumed(at(-4n, 232n), { signalPending: true, sameTask: true })), [0x1002n, -4n, -1n]);
  assert.deepEqual(seen(resumed(at(-4n, 35n), { signalPending: false, sameTask: true })), [0x1002n, -4n, -1n]);
});

test('user code and finished calls are left alone', () => {
  assert.deepEqual(seen(resumed(at(-512n, -1n), { signalPending: false, sameTask: true })), [0x1002n, -512n, -1n]);
  assert.deepEqual(seen(resumed(at(42n, 1n), { signalPending: false, sameTask: true })), [0x1002n, 42n, -1n]);
});
