/** x86-64: machine code in and for a vDSO. */

export const SYSCALL_INSTRUCTION = Buffer.from([0x0f, 0x05]);

/** movabs $target, %rax; jmp *%rax. %rax is free at the entry of a function (System V ABI, 3.2.1: it holds no argument of these functions). */
export function jumpTo(target: number): Buffer {
  const code = Buffer.from([0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0]);
  code.writeBigUInt64LE(BigInt(target), 2);
  return code;
}
