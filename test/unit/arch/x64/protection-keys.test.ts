import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Processor } from '../../../../core/arch/arch.js';
import { PROTECTION_KEYS } from '../../../../core/arch/x64/protection-keys.js';

/** CPUID of a processor whose XSAVE area has PKRU at 2432. */
function processor(ecx: number): () => Processor {
  return () => ({
    cpuid: (leaf, subleaf) => {
      if (leaf === 7) return [0, 0, ecx, 0];
      return subleaf === 0 ? [0x207, 2440, 2440, 0] : [8, 2432, 0, 0];
    },
  });
}

test('there are keys when the system has switched them on, not when the processor only could', () => {
  assert.equal(PROTECTION_KEYS.count(processor(1 << 3)), 0);
  assert.equal(PROTECTION_KEYS.count(processor((1 << 3) | (1 << 4))), 16);
});

test('a thread locks key 0 by the two lowest bits of its rights', () => {
  const area = (rights: number): Buffer[] => {
    const bytes = Buffer.alloc(2440);
    bytes.writeUInt32LE(rights, 2432);
    return [bytes];
  };
  const rights = [0, 0x55555554, 0x55555555, 2, 1, 3, 4];
  const locks = rights.map((value) => PROTECTION_KEYS.locksFirst(area(value), processor(0)));
  assert.deepEqual(locks, [false, false, true, true, true, true, false]);
  assert.equal(PROTECTION_KEYS.locksFirst([Buffer.alloc(832)], processor(0)), false);
});
