/** What only probes of `criu-ts check` do. */
import type { Program, Ptr } from '../../program/program.js';

/** ARCH_MAP_VDSO_64 and ARCH_MAP_VDSO_32 (asm/prctl.h). */
export const MAP_VDSO = { native: 0x2003, compat: 0x2002 } as const;

const PTRACE_POKEUSER = 6;
/** offsetof(struct user, u_debugreg) (sys/user.h). */
const DEBUG_REGISTERS = 848;
const DR7 = DEBUG_REGISTERS + 7 * 8;
/** DR7: breakpoint 0 on execution, for this task only (Intel SDM volume 3, 18.2.4). */
const DR7_ENABLE_0 = 1;
const RIP_OFFSET = 16 * 8;

export function emitBreakpoint(p: Program, pid: number, registers: Ptr): void {
  p.sys.ptrace(PTRACE_POKEUSER, pid, DEBUG_REGISTERS, registers.word64(RIP_OFFSET)).must('set the address of a breakpoint');
  p.sys.ptrace(PTRACE_POKEUSER, pid, DR7, DR7_ENABLE_0).must('enable the breakpoint');
}
