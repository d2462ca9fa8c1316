/* Raw system calls and their numbers, per architecture. */
#ifndef CRIU_TS_SYSCALL_H
#define CRIU_TS_SYSCALL_H

#if defined(__x86_64__)
enum {
  NR_read = 0,
  NR_mmap = 9,
  NR_pread64 = 17,
  NR_exit_group = 231,
  NR_futex = 202,
  NR_futex_waitv = 449,
};

static inline long raw_syscall(long nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  register u64 r10 __asm__("r10") = d;
  register u64 r8 __asm__("r8") = e;
  register u64 r9 __asm__("r9") = f;
  long ret;
  __asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return ret;
}
#else
#error "criu-ts: no system call entry for this architecture yet: add it here and as arch_<name>.S"
#endif

#endif
