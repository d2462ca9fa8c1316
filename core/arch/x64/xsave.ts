/** The XSAVE area in standard format (Intel SDM vol. 1, 13.4): where its components lie on this processor. */
import type { Processor, Regset } from '../arch.js';

/** NT_X86_XSTATE (linux/elf.h). AMX makes it 11 KiB. */
export const XSTATE: Regset = { note: 0x202, most: 16384 };
/** CPUID leaf that describes the area. */
const LEAF_XSTATE = 0xd;
/** Header behind the legacy area (FXSAVE): which components are not in their initial state. */
export const XSTATE_BV = 512;

/** State components by bit in XCR0, with the field of the images that holds them. */
export const COMPONENTS = [
  { name: 'ymmh_space', bit: 2, size: 256, word: 4, feature: 'AVX' },
  { name: 'bndreg_state', bit: 3, size: 64, word: 8, feature: 'MPX' },
  { name: 'bndcsr_state', bit: 4, size: 64, word: 8, feature: 'MPX' },
  { name: 'opmask_reg', bit: 5, size: 64, word: 8, feature: 'AVX-512' },
  { name: 'zmm_upper', bit: 6, size: 512, word: 8, feature: 'AVX-512' },
  { name: 'hi16_zmm', bit: 7, size: 1024, word: 8, feature: 'AVX-512' },
  { name: 'pkru', bit: 9, size: 8, word: 4, feature: 'protection keys' },
] as const;

export interface XsaveLayout {
  /** Bytes of the whole area, as ptrace takes it. */
  readonly size: number;
  /** XCR0 bits that the system uses. */
  readonly mask: number;
  /** Byte offset by component bit. */
  readonly offsets: ReadonlyMap<number, number>;
}

let layout: XsaveLayout | null = null;
/** The processor does not change while we run. */
export function layoutOf(processor: () => Processor): XsaveLayout {
  return (layout ??= readLayout(processor()));
}

/** From CPUID: offsets differ between vendors. */
function readLayout(processor: Processor): XsaveLayout {
  const [mask, size] = processor.cpuid(LEAF_XSTATE, 0);
  const offsets = new Map<number, number>();
  for (const { bit } of COMPONENTS) if (((mask >>> bit) & 1) === 1) offsets.set(bit, processor.cpuid(LEAF_XSTATE, bit)[1]);
  return { size, mask, offsets };
}
