/*
 * The seed: a static program of one page that becomes a restored task. It finds its memfd at descriptor SEED_FD, maps the blob (r-x) and the
 * shared arena (rw-) at the addresses that the boot words name, and enters the daemon there. Everything else is done by programs.
 */
#include "vm.h"

#define PROT_RX 5UL
#define PROT_RW 3UL
/* MAP_SHARED | MAP_FIXED_NOREPLACE: a collision must be an error, never a silent overlay (mmap(2), 4.17). */
#define MAP_EXACTLY 0x100001UL

static void map_or_exit(u64 addr, u64 size, u64 prot, u64 offset, u64 status) {
  if ((u64)raw_syscall(NR_mmap, addr, size, prot, MAP_EXACTLY, SEED_FD, offset) != addr)
    raw_syscall(NR_exit_group, status, 0, 0, 0, 0, 0);
}

__attribute__((noreturn)) void seed_main(void) {
  u64 boot[SEED_BOOT_SIZE / 8];
  long n = raw_syscall(NR_pread64, SEED_FD, (u64)boot, sizeof boot, 0, 0, 0);
  if (n != (long)sizeof boot) raw_syscall(NR_exit_group, 120, 0, 0, 0, 0, 0);
  map_or_exit(boot[BOOT_CODE_ADDR / 8], boot[BOOT_CODE_SIZE / 8], PROT_RX, boot[BOOT_CODE_OFFSET / 8], 121);
  map_or_exit(boot[BOOT_DATA_ADDR / 8], boot[BOOT_DATA_SIZE / 8], PROT_RW, boot[BOOT_DATA_OFFSET / 8], 122);
  enter_on_stack(boot[BOOT_STACK / 8], boot[BOOT_ENTRY / 8], boot[BOOT_THREAD / 8]);
}
