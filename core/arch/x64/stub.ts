/** The data of a rescue stub. native/generated/isa.h is made from it (config/generate-native.mjs) for native/blob/arch_x64.S. */
import type { RescueData } from '../arch.js';
import { offsetOf, REG_NAMES, type RegName } from './registers.js';

/** Relative to the stub's data start. All u64. */
export const STUB_DATA = {
  r15: 0,
  r14: 8,
  r13: 16,
  r12: 24,
  rbp: 32,
  rbx: 40,
  r11: 48,
  r10: 56,
  r9: 64,
  r8: 72,
  rax: 80,
  rcx: 88,
  rdx: 96,
  rsi: 104,
  rdi: 112,
  rip: 120,
  eflags: 128,
  rsp: 136,
  mask: 144,
  codeAddr: 152,
  codeSize: 160,
  dataAddr: 168,
  dataLength: 176,
} as const;
export const STUB_DATA_SIZE = 184;

/** Registers that the stub loads: fields with the name of one. */
const LOADED = REG_NAMES.filter((name): name is RegName & keyof typeof STUB_DATA => name in STUB_DATA);

/** Neighbours among the registers that are neighbours in the stub too are copied together. */
const RUNS: { from: number; to: number; size: number }[] = [];
for (const name of LOADED) {
  const [from, to] = [offsetOf(name), STUB_DATA[name]];
  const last = RUNS.at(-1);
  if (last !== undefined && last.from + last.size === from && last.to + last.size === to) last.size += 8;
  else RUNS.push({ from, to, size: 8 });
}

export function fillStub(data: Buffer, { registers, mask, code, data: memory }: RescueData): void {
  for (const { from, to, size } of RUNS) registers.bytes.copy(data, to, from, from + size);
  const words = new DataView(data.buffer, data.byteOffset, data.length);
  const put = (at: number, value: bigint | number): void => words.setBigUint64(at, BigInt(value), true);
  put(STUB_DATA.mask, mask);
  put(STUB_DATA.codeAddr, code?.addr ?? 0);
  put(STUB_DATA.codeSize, code?.size ?? 0);
  put(STUB_DATA.dataAddr, memory?.addr ?? 0);
  put(STUB_DATA.dataLength, memory?.size ?? 0);
}
