/** The data of a rescue stub. native/generated/isa.h is made from it (config/generate-native.mjs) for native/blob/arch_x64.S. */
import type { RescueData } from '../arch.js';
import { get } from './registers.js';

/** Registers that the stub loads, in the order in which it has them. */
const LOADED = [
  'r15',
  'r14',
  'r13',
  'r12',
  'rbp',
  'rbx',
  'r11',
  'r10',
  'r9',
  'r8',
  'rax',
  'rcx',
  'rdx',
  'rsi',
  'rdi',
  'rip',
  'eflags',
  'rsp',
] as const;

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

export function fillStub(data: Buffer, { registers, mask, code, data: memory }: RescueData): void {
  for (const name of LOADED) data.writeBigUInt64LE(get(registers, name), STUB_DATA[name]);
  data.writeBigUInt64LE(BigInt.asUintN(64, mask), STUB_DATA.mask);
  data.writeBigUInt64LE(BigInt(code?.addr ?? 0), STUB_DATA.codeAddr);
  data.writeBigUInt64LE(BigInt(code?.size ?? 0), STUB_DATA.codeSize);
  data.writeBigUInt64LE(BigInt(memory?.addr ?? 0), STUB_DATA.dataAddr);
  data.writeBigUInt64LE(BigInt(memory?.size ?? 0), STUB_DATA.dataLength);
}
