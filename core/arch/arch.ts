/**
 * What depends on the processor architecture, as one object of functions and numbers. `current.ts` chooses it, a folder beside this file implements it
 * (x64/), and nothing else in core knows a register, a call number or an instruction (test/unit/arch/sources.test.ts). What a new folder must hold, and
 * what belongs to native/, is told in core/docs/ports.md.
 */
import type { SyscallName } from '../abi/syscalls.js';
import type { CoreEntry } from '../images/generated/core.js';
import type { Status } from '../kernel/procfs/status.js';
import type { Program, Ptr } from '../program/program.js';

/** General registers of one thread, exactly as NT_PRSTATUS gives them. What the bytes mean only the architecture knows. */
export interface Registers {
  readonly bytes: Buffer;
}

/** A piece of a thread's state beside the general registers, as PTRACE_GETREGSET names it. */
export interface Regset {
  /** NT_* (linux/elf.h). */
  readonly note: number;
  /** Room for the first question. The size that the kernel answers with is used for all others. */
  readonly most: number;
}

/** Registers and mask that bring a thread back (already with the restart fix-up), and what to unmap first. */
export interface RescueData {
  readonly registers: Registers;
  readonly mask: bigint;
  readonly code?: { addr: number; size: number };
  readonly data?: { addr: number; size: number };
}

/** What only an instruction of this processor tells (native/src/cpu.h). */
export interface Processor {
  cpuid(leaf: number, subleaf: number): [number, number, number, number];
}

/** How a thread goes on after a freeze. */
export interface ResumeOptions {
  /** An unblocked signal waits for the thread: then EINTR is real. */
  readonly signalPending: boolean;
  /**
   * The task itself goes on: its restart block is intact, so restart_syscall continues the remaining time. A restored task has no restart block and
   * starts the call over.
   */
  readonly sameTask: boolean;
}

/** Registers of a thread in core_entry. The message is another one for each architecture (thread_info, ti_aarch64, ...). */
export interface ArchImages {
  /** core_entry.mtype. */
  readonly mtype: number;
  /** Words of mm_saved_auxv: CRIU stores exactly as many and refuses images with more. */
  readonly auxvWords: number;
  /** Before a freeze: learns about the processor what takes long to ask. */
  prepare(processor: () => Processor): void;
  /** The message, when the entry has it; what all architectures have in it. */
  infoOf(core: CoreEntry): { clear_tid_addr: bigint } | undefined;
  /** Stores a thread. `extended` is in the order of Arch.extended, and the image may look into it from then on; what infoOf() has stays. */
  store(core: CoreEntry, registers: Registers, extended: readonly Buffer[], processor: () => Processor): void;
  /**
   * Before anything is created: can this processor hold the state? `path` is the image that is blamed.
   * @throws CrError CR_IMAGE_BAD, CR_IMAGE_FEATURE, CR_KERNEL_FEATURE
   */
  check(path: string, core: CoreEntry, processor: () => Processor): void;
  /** Registers of a thread to be, which is in no system call. Precondition: check() was fine. */
  registersOf(core: CoreEntry): Registers;
  /** The same of its extended state, in the order of Arch.extended. What the image does not hold gets its initial value. */
  extendedOf(core: CoreEntry, processor: () => Processor): Buffer[];
}

export interface Arch {
  /** As process.arch has it; the name of the folder. */
  readonly name: string;

  /** Number of every system call that programs use. One that the architecture lacks has NO_CALL. */
  readonly syscalls: Readonly<Record<SyscallName, number>>;

  /** Bytes of NT_PRSTATUS. */
  readonly registersSize: number;
  /** Set after the general registers wherever they do not say themselves that the thread is in no system call (arm64: NT_ARM_SYSTEM_CALL = -1). */
  readonly noCall: { readonly note: number; readonly bytes: Buffer } | null;
  /** State beside the general registers that makes a thread, all of it. */
  readonly extended: readonly Regset[];
  /** False: the thread runs in a mode with other registers (32-bit code). */
  isNative(registers: Registers): boolean;
  programCounter(registers: Registers): bigint;
  /** These registers, but at that address, and otherwise the same: also in the same system call. */
  movedTo(registers: Registers, address: bigint): Registers;
  /** These registers at code of ours, in no system call. */
  parkedAt(registers: Registers, address: number): Registers;
  /** These registers at the system call instruction at that address, which will make the call. */
  callAt(registers: Registers, address: number, nr: number, args: readonly (number | bigint)[]): Registers;
  /** Signed result of a system call, at its exit stop. */
  resultOf(registers: Registers): bigint;
  /** These registers at the entry of the daemon (native/blob): its own stack, its thread block as argument, plain flags. */
  daemonAt(registers: Registers, entry: number, stackTop: number, block: number): Registers;
  /** A copy with which the thread goes on as if it had never been stopped: a call that the freeze interrupted starts over or continues (kernel-tasks.md 1.4). */
  resumed(saved: Registers, options: ResumeOptions): Registers;

  /** Fills in the data behind the code of a rescue stub (native/blob/arch_<name>.S). */
  fillStub(data: Buffer, rescue: RescueData): void;
  /** Offset of a system call instruction in code, or -1. */
  findSyscall(code: Buffer): number;
  /** Code that goes on at another address and leaves all arguments of a function as they are. */
  jumpTo(address: number): Buffer;

  readonly images: ArchImages;

  /** Layouts and flags of the kernel's user interface that are not the same everywhere. */
  readonly epollEvent: {
    readonly size: number;
    readonly fields: { readonly events: readonly [at: number, type: 'u32']; readonly data: readonly [at: number, type: 'u64'] };
  };
  /** struct semid64_ds: offsets. */
  readonly semidDs: { readonly otime: number; readonly nsems: number; readonly size: number };
  readonly openFlags: { readonly direct: number; readonly largefile: number; readonly directory: number; readonly nofollow: number };

  /** Protection keys of memory (pkeys(7)). */
  readonly protectionKeys: {
    /** How many the system uses, with key 0, which memory has first. 0: it has none. */
    count(processor: () => Processor): number;
    /** The thread may not use memory with key 0, or not write to it. `extended` is in the order of Arch.extended. */
    locksFirst(extended: readonly Buffer[], processor: () => Processor): boolean;
  };
  /** A shadow stack, which is not built yet: those who have one are refused. */
  readonly shadowStack: {
    inStatus(status: Pick<Status, 'x86ThreadFeatures'>): boolean;
    inImage(core: CoreEntry): boolean;
    /** How to start a program without one. */
    readonly hint: string;
  };
  /** arch_prctl(2) codes that map a vDSO at a chosen address: for tasks like us, and for 32-bit ones. Null: there is no such call. */
  readonly mapVdso: { readonly native: number; readonly compat: number } | null;
  /** Emits a hardware breakpoint for a stopped child at the program counter that is in `registers` when the program runs (check). */
  emitBreakpoint(p: Program, pid: number, registers: Ptr): void;
}

/** Number of a system call that an architecture does not have: no kernel has one there, so it fails with ENOSYS. */
export const NO_CALL = 0xffff;
