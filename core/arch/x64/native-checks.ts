/** What native/generated says about x86-64 (config/generate-native.mjs). Not part of the program. */
import { EPOLL_EVENT } from './layouts.js';
import { REG_NAMES, REGISTERS_SIZE } from './registers.js';
import { STUB_DATA, STUB_DATA_SIZE } from './stub.js';
import { NUMBERS } from './syscalls.js';
import { XSTATE } from './xsave.js';

export const NATIVE = {
  /** The compiler's macro for this architecture. */
  macro: '__x86_64__',
  /** Header and name of what NT_PRSTATUS gives; its fields, 8 bytes each, in their order. */
  registers: { header: 'sys/user.h', c: 'struct user_regs_struct', fields: REG_NAMES, size: REGISTERS_SIZE },
  syscalls: NUMBERS,
  /** Other numbers, by the macro of the headers that has the same. */
  numbers: { NT_X86_XSTATE: XSTATE.note },
  /** Offsets in the data of a rescue stub: STUB_* for the assembler. */
  stub: STUB_DATA,
  stubSize: STUB_DATA_SIZE,
  /** Layouts of structures that other architectures have otherwise (core/abi/structs.ts). */
  structs: { epoll_event: EPOLL_EVENT },
} as const;
