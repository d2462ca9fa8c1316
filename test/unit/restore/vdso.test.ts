import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readMemory } from '../../../core/kernel/stub.js';
import { vdsoFunctions } from '../../../core/resources/memory/vdso-elf.js';
import { planVdso, type SpecialMapping } from '../../../core/resources/memory/vdso.js';

function own(): { code: Buffer; special: SpecialMapping[] } {
  const special = readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .filter((line) => /\[(vdso|vvar|vvar_vclock)\]/.test(line))
    .map((line) => {
      const [start, end] = line
        .split(' ')[0]!
        .split('-')
        .map((hex) => parseInt(hex, 16));
      return { start: start!, end: end!, isCode: line.includes('[vdso]') };
    });
  const code = special.find((m) => m.isCode)!;
  return { code: readMemory(process.pid, code.start, code.end - code.start), special };
}

test('the functions of the running vDSO are found', () => {
  const functions = vdsoFunctions(own().code)!;
  assert.ok(functions.has('__vdso_clock_gettime'));
  assert.ok(functions.has('__vdso_gettimeofday'));
  for (const offset of functions.values()) assert.ok(offset > 0 && offset < own().code.length);
});

test('damaged images give null or fewer functions, never an exception', () => {
  const { code } = own();
  assert.equal(vdsoFunctions(Buffer.alloc(100)), null);
  assert.equal(vdsoFunctions(code.subarray(0, 32)), null);
  for (let i = 0; i < code.length; i += 7) {
    const damaged = Buffer.from(code);
    damaged[i] = 0xff;
    damaged[(i * 31) % code.length] = 0x80;
    vdsoFunctions(damaged);
    vdsoFunctions(code.subarray(0, i));
  }
});

test('the same vDSO moves to the old place', () => {
  const now = own();
  const wanted = { special: now.special.map((m) => ({ ...m, start: m.start - 0x100000, end: m.end - 0x100000 })), code: now.code };
  const first = Math.min(...wanted.special.map((m) => m.start));
  assert.deepEqual(planVdso(1, now, wanted, 0x1000), { to: first, patches: [] });
});

test('another vDSO is patched to jump to ours', () => {
  const now = own();
  const code = Buffer.from(now.code);
  const name = code.indexOf('__vdso_getcpu');
  code.write('__vdso_getXXX', name, 'latin1');
  const plan = planVdso(1, now, { special: now.special, code }, 0x100000000000);
  assert.equal(plan.to, 0x100000000000);
  assert.ok(plan.patches.length >= 3);
  const start = now.special.find((m) => m.isCode)!.start;
  const clock = vdsoFunctions(now.code)!.get('__vdso_clock_gettime')!;
  const patch = plan.patches.find((p) => p.addr === start + clock)!;
  const base = Math.min(...now.special.map((m) => m.start));
  assert.equal(patch.bytes.readBigUInt64LE(2), BigInt(0x100000000000 + start - base + clock));
});

test('another layout without the old code is refused', () => {
  const now = own();
  const special = now.special.map((m) => (m.isCode ? { ...m, end: m.end + 4096 } : m));
  assert.throws(() => planVdso(1, now, { special, code: null }, 0x1000), /vDSO of this kernel differs/);
});
