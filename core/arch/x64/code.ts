/** Machine code that we look for or make. */

export const SYSCALL_INSTRUCTION = Buffer.from([0x0f, 0x05]);

/** At any byte: instructions have no alignment. */
export function findSyscall(code: Buffer): number {
  return code.indexOf(SYSCALL_INSTRUCTION);
}

/** movabs $address, %rax; jmp *%rax. %rax is free at the entry of a function (System V ABI, 3.2.1: it holds no argument of these functions). */
export function jumpTo(address: number): Buffer {
  const code = Buffer.from([0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0]);
  code.writeBigUInt64LE(BigInt(address), 2);
  return code;
}
