/**
 * The instruction set of the syscall VM: the one home of opcodes, operand kinds and layouts. `native/generated/isa.h` is made from this file
 * (config/generate-native.mjs), so that C and TypeScript cannot drift.
 *
 * Cell, 64 bytes, one cache line:
 * ```
 *  0  u16 op      2  u16 kinds (2 bits per argument)   4  u8 policy   5  u8 aux   6  u16 nr   8  i64 result   16  u64 arg[6]
 * ```
 */
export const CELL_SIZE = 64;

export const CELL = { op: 0, kinds: 2, policy: 4, aux: 5, nr: 6, result: 8, args: 16 } as const;

/** Limit of style.md section 10: at most 24. */
export const OP = {
  /** Ends the program with success. */
  end: 0,
  /** System call `nr` with six arguments. */
  syscall: 1,
  /** *(aux bytes *)arg0 = arg1. */
  store: 2,
  /** result = *(aux bytes *)arg0, zero-extended. */
  load: 3,
  /** result = arg0 + arg1. */
  add: 4,
  /** Fails unless (arg0 & arg1) == arg2; result = arg0. */
  expect: 5,
  /** Jumps forward to cell arg3 when (arg0 & arg1) == arg2. */
  branch: 6,
  /** Jumps back to cell arg3 when (arg0 & arg1) == arg2, at most arg4 times (counted in result); after that it fails. */
  retry: 7,
  /** Vectored I/O `nr`(fd, iov, iovcnt, offset) repeated until all iovecs are used up; consumes the iovecs. EOF is ENODATA. */
  io_all: 8,
  /** Waits until the u32 at arg0 has reached arg1 (monotonic counter, serial arithmetic); arg2 = timeout in ns, 0 = none. */
  wait: 9,
  /** Adds arg1 to the u32 at arg0 and wakes everybody who waits there. */
  wake: 10,
  /** clone3(arg0, arg1). Child: aux 0 = daemon on thread block arg2; aux 1 = runs the program at arg2 and exits with 127. */
  spawn: 11,
  /** memset(arg0, arg1, arg2). */
  fill: 12,
  /** memcpy(arg0, arg1, arg2). */
  copy: 13,
  /** Reads arg3 bytes of file arg0 at offset arg1 and writes only pages of arg2.. that differ; arg4/arg5 = scratch address/size. */
  cow_fill: 14,
} as const;

export type OpName = keyof typeof OP;

export const KIND = {
  /** The value itself. */
  constant: 0,
  /** Result of the cell with that index. */
  result: 1,
  /** 64-bit word at that address. */
  word64: 2,
  /** 32-bit word at that address, sign-extended. */
  word32: 3,
} as const;

export const POLICY = {
  /** A negative result ends the program as failed. */
  must: 0,
  /** Any result is fine. */
  ignore: 1,
  /** A negative result is fine when it is -aux (syscall) . */
  tolerate: 2,
} as const;

/**
 * Thread block: what a daemon (parasite or seed thread) and its owner share. 64 bytes, 64-byte aligned.
 * The owner writes `program`, then increments `command` and wakes it; the daemon runs, writes `status`, sets `done` = `command`, wakes `done`.
 */
export const THREAD_BLOCK_SIZE = 64;
export const THREAD_BLOCK = {
  command: 0,
  done: 4,
  status: 8,
  program: 16,
  /** Address of a u32: FUTEX_OWNER_DIED in it means that the owner is gone. */
  watch: 24,
  /** Address of a u32 that this thread sets to FUTEX_OWNER_DIED for the others, or 0. */
  death: 32,
  /** Where to jump when the owner is gone; 0 = exit_group(1). */
  onDeath: 40,
} as const;

/** The first bytes of a seed's memfd (descriptor 3): where it maps what. All u64. */
export const SEED_BOOT = {
  codeAddr: 0,
  codeSize: 8,
  codeOffset: 16,
  dataAddr: 24,
  dataSize: 32,
  dataOffset: 40,
  stack: 48,
  entry: 56,
  thread: 64,
} as const;
export const SEED_BOOT_SIZE = 72;
/** The descriptor on which a seed finds its memfd. */
export const SEED_FD = 3;
