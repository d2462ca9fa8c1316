/* x86-64: raw system calls and their numbers, memory without libc, and the jump into the daemon. */
#ifndef CRIU_TS_ARCH_X64_H
#define CRIU_TS_ARCH_X64_H

enum {
  NR_mmap = 9,
  NR_pread64 = 17,
  NR_futex = 202,
  NR_exit_group = 231,
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

/* `rep movsb` and `rep stosb`: no libc, no vector registers (those belong to the task), one byte after the other where ranges overlap. */
static inline void copy_bytes(u64 to, u64 from, u64 n) { __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory"); }
static inline void fill_bytes(u64 to, u64 value, u64 n) { __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory"); }

/* Leaves the stack for another one and enters `entry(arg)` there. */
__attribute__((noreturn)) static inline void enter_on_stack(u64 stack, u64 entry, u64 arg) {
  __asm__ volatile("mov %0, %%rsp; jmp *%1" : : "r"(stack), "r"(entry), "D"(arg) : "memory");
  __builtin_unreachable();
}

#endif
