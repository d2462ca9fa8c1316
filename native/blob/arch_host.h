/* The interpreter as a host library for tests (test/fuzz/vm-host.c): the kernel is a function, memory is touched byte by byte where sanitizers see it. */
#ifndef CRIU_TS_ARCH_HOST_H
#define CRIU_TS_ARCH_HOST_H

enum { NR_pread64 = 17, NR_futex = 202, NR_exit_group = 231, NR_futex_waitv = 449 };

long raw_syscall(long nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);

static inline void copy_bytes(u64 to, u64 from, u64 n) {
  for (u64 i = 0; i < n; i++) ((volatile u8 *)to)[i] = ((volatile u8 *)from)[i];
}
static inline void fill_bytes(u64 to, u64 value, u64 n) {
  for (u64 i = 0; i < n; i++) ((volatile u8 *)to)[i] = (u8)value;
}

#endif
