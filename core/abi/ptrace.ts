/** ptrace(2) and wait4(2) numbers, the same on all architectures (linux/ptrace.h). The registers are in core/arch. */
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

/** The general registers (linux/elf.h). */
export const NT_PRSTATUS = 1;

/** wait4(2) flag: also children with other exit signals and threads. */
export const WALL = 0x40000000;
export const WNOHANG = 1;
export const WNOTHREAD = 0x20000000;

/** Stop of a system call with PTRACE_O_TRACESYSGOOD: SIGTRAP | 0x80. */
export const SYSCALL_STOP = 0x857f;
