/** Memory protection keys for user pages (Intel SDM vol. 3, 5.6.2; pkeys(7)). */
import type { Arch, Processor } from '../arch.js';
import { layoutOf } from './xsave.js';

/** CPUID leaf 7, ECX: the system has switched the keys on (CR4.PKE). */
const LEAF_FEATURES = 7;
const ECX_OSPKE = 1 << 4;
/** A page has four bits for its key. */
const KEYS = 16;
/** State component and, in its first word, the two rights of key 0: no access, no writing. */
const PKRU = 9;
const FIRST_LOCKED = 3;

function count(processor: () => Processor): number {
  const [, , ecx] = processor().cpuid(LEAF_FEATURES, 0);
  return (ecx & ECX_OSPKE) === 0 ? 0 : KEYS;
}

/** What the kernel stores there counts even when xstate_bv says that it is the initial value: then it is 0. */
function locksFirst([xstate]: readonly Buffer[], processor: () => Processor): boolean {
  const at = layoutOf(processor).offsets.get(PKRU);
  return at !== undefined && xstate !== undefined && at + 4 <= xstate.length && (xstate.readUInt32LE(at) & FIRST_LOCKED) !== 0;
}

export const PROTECTION_KEYS: Arch['protectionKeys'] = { count, locksFirst };
