/** The data of a rescue stub. native/generated/isa.h is made from it (config/generate-native.mjs) for native/blob/arch_x64.S. */
import type { RescueData } from '../arch.js';
import { get, REG_NAMES, type RegName } from './registers.js';

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

export function fillStub(data: Buffer, { registers, mask, code, data: memory }: RescueData): void {
  for (const name of LOADED) data.writeBigUInt64LE(get(registers, name), STUB_DATA[name]);
  data.writeBigUInt64LE(BigInt.asUintN(64, mask), STUB_DATA.mask);
  data.writeBigUInt64LE(BigInt(code?.addr ?? 0), STUB_DATA.codeAddr);
  data.writeBigUInt64LE(BigInt(code?.size ?? 0), STUB_DATA.codeSize);
  data.writeBigUInt64LE(BigInt(memory?.addr ?? 0), STUB_DATA.dataAddr);
  data.writeBigUInt64LE(BigInt(memory?.size ?? 0), STUB_DATA.dataLength);
}
