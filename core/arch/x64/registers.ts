/** General registers (asm/ptrace-abi.h, sys/user.h): where they lie, and what the kernel's calling convention does with them (syscall(2)). */
import type { Registers } from '../arch.js';

/** Order of the 27 words of user_regs_struct. */
const NAMES = [
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
  'orig_rax',
  'rip',
  'cs',
  'eflags',
  'rsp',
  'ss',
  'fs_base',
  'gs_base',
  'ds',
  'es',
  'fs',
  'gs',
] as const;
export type RegName = (typeof NAMES)[number];
export const REG_NAMES: readonly RegName[] = NAMES;
export const REGISTERS_SIZE = NAMES.length * 8;
const OFFSETS = Object.fromEntries(NAMES.map((name, i) => [name, 8 * i])) as Readonly<Record<RegName, number>>;

/** Code segment of 64-bit user code (arch/x86/include/asm/segment.h, __USER_CS). */
const USER_CS_64 = 0x33n;
/** Arguments of a system call. */
const ARGUMENTS = ['rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'] as const;
/** Interrupts on, and the bit that is always set. */
const PLAIN_FLAGS = 0x202;
/** In `orig_rax`: the thread is in no system call, so the kernel restarts none. */
const NO_CALL = -1n;

export function empty(): Registers {
  return { bytes: Buffer.alloc(REGISTERS_SIZE) };
}

export function copyOf({ bytes }: Registers): Registers {
  return { bytes: Buffer.from(bytes) };
}

/** Where the register lies among the words of user_regs_struct, in bytes. */
export function offsetOf(name: RegName): number {
  return OFFSETS[name];
}

// By DataView: Buffer's own methods for 64 bits make four bigints for each, and there are 27 registers in each of thousands of threads.
export function viewOf({ bytes }: Registers): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, REGISTERS_SIZE);
}

export function get(registers: Registers, name: RegName): bigint {
  return viewOf(registers).getBigUint64(OFFSETS[name], true);
}

export function getSigned(registers: Registers, name: RegName): bigint {
  return viewOf(registers).getBigInt64(OFFSETS[name], true);
}

/** The low 64 bits of `value`. */
export function set(registers: Registers, name: RegName, value: bigint | number): void {
  viewOf(registers).setBigUint64(OFFSETS[name], BigInt(value), true);
}

/** From here on the thread is in no system call. */
export function leaveCall(registers: Registers): void {
  set(registers, 'orig_rax', NO_CALL);
}

export function isNative(registers: Registers): boolean {
  return get(registers, 'cs') === USER_CS_64;
}

export function programCounter(registers: Registers): bigint {
  return get(registers, 'rip');
}

export function movedTo(registers: Registers, address: bigint): Registers {
  const out = copyOf(registers);
  set(out, 'rip', address);
  return out;
}

export function parkedAt(registers: Registers, address: number): Registers {
  const out = copyOf(registers);
  set(out, 'rip', address);
  leaveCall(out);
  return out;
}

export function callAt(registers: Registers, address: number, nr: number, args: readonly (number | bigint)[]): Registers {
  const out = parkedAt(registers, address);
  set(out, 'rax', nr);
  args.forEach((arg, i) => set(out, ARGUMENTS[i]!, arg));
  return out;
}

export function resultOf(registers: Registers): bigint {
  return getSigned(registers, 'rax');
}

/** native/blob/arch_x64.S, vm_entry. */
export function daemonAt(registers: Registers, entry: number, stackTop: number, block: number): Registers {
  const out = parkedAt(registers, entry);
  set(out, 'rsp', stackTop);
  set(out, 'rdi', block);
  set(out, 'eflags', PLAIN_FLAGS);
  return out;
}
