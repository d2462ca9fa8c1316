/*
 * The seed: a static program of one page that becomes a restored task. It finds its memfd at descriptor SEED_FD, maps the blob (r-x) and the
 * shared arena (rw-) at the addresses that the boot words name, and enters the daemon there. Everything else is done by programs.
 */
#include "vm.h"

__attribute__((noreturn)) void seed_main(void) {
  u64 boot[SEED_BOOT_SIZE / 8];
  long n = raw_syscall(NR_pread64, SEED_FD, (u64)boot, sizeof boot, 0, 0, 0);
  if (n != (long)sizeof boot) raw_syscall(NR_exit_group, 120, 0, 0, 0, 0, 0);
  /* MAP_SHARED | MAP_FIXED_NOREPLACE: a collision must be an error, never a silent overlay (mmap(2), 4.17). */
  u64 code = (u64)raw_syscall(NR_mmap, boot[BOOT_CODE_ADDR / 8], boot[BOOT_CODE_SIZE / 8], 5, 0x100001, SEED_FD, boot[BOOT_CODE_OFFSET / 8]);
  if (code != boot[BOOT_CODE_ADDR / 8]) raw_syscall(NR_exit_group, 121, 0, 0, 0, 0, 0);
  u64 data = (u64)raw_syscall(NR_mmap, boot[BOOT_DATA_ADDR / 8], boot[BOOT_DATA_SIZE / 8], 3, 0x100001, SEED_FD, boot[BOOT_DATA_OFFSET / 8]);
  if (data != boot[BOOT_DATA_ADDR / 8]) raw_syscall(NR_exit_group, 122, 0, 0, 0, 0, 0);
  __asm__ volatile("mov %0, %%rsp; jmp *%1" : : "r"(boot[BOOT_STACK / 8]), "r"(boot[BOOT_ENTRY / 8]), "D"(boot[BOOT_THREAD / 8]) : "memory");
  __builtin_unreachable();
}

__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  and $-16, %rsp\n  call seed_main\n");
