/** ptrace(2) numbers and register layout for x86-64 (linux/ptrace.h, asm/ptrace-abi.h, sys/user.h). */
export const PTRACE = {
  CONT: 7,
  DETACH: 17,
  SYSCALL: 24,
  SETOPTIONS: 0x4200,
  GETREGSET: 0x4204,
  SETREGSET: 0x4205,
  SEIZE: 0x4206,
  INTERRUPT: 0x4207,
  PEEKSIGINFO: 0x4209,
  GETSIGMASK: 0x420a,
  SETSIGMASK: 0x420b,
  SECCOMP_GET_FILTER: 0x420c,
  SECCOMP_GET_METADATA: 0x420d,
  GET_RSEQ_CONFIGURATION: 0x420f,
  GET_SYSCALL_USER_DISPATCH_CONFIG: 0x4211,
} as const;

export const PTRACE_O = { TRACESYSGOOD: 1, EXITKILL: 1 << 20, SUSPEND_SECCOMP: 1 << 21 } as const;

export const NT_PRSTATUS = 1;
export const NT_X86_XSTATE = 0x202;

/** wait4(2) flag: also children with other exit signals and threads. */
export const WALL = 0x40000000;
export const WNOHANG = 1;
export const WNOTHREAD = 0x20000000;

/** Stop of a system call with PTRACE_O_TRACESYSGOOD: SIGTRAP | 0x80. */
export const SYSCALL_STOP = 0x857f;

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
export const REGS_SIZE = NAMES.length * 8;

/** General registers of one thread, as NT_PRSTATUS gives them. */
export class Registers {
  constructor(readonly bytes: Buffer = Buffer.alloc(REGS_SIZE)) {}

  get(name: RegName): bigint {
    return this.bytes.readBigUInt64LE(NAMES.indexOf(name) * 8);
  }
  set(name: RegName, value: bigint | number): this {
    this.bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), NAMES.indexOf(name) * 8);
    return this;
  }
  clone(): Registers {
    return new Registers(Buffer.from(this.bytes));
  }
}
