/*
 * The interpreter on the host, under sanitizers, with a function as kernel: reads cases from stdin, runs each, writes what it left to stdout.
 *   case:   u32 offset of the program, u32 seed of the kernel, then ARENA_SIZE bytes of memory
 *   answer: i64 status, u32 system calls made, u32 0, then ARENA_SIZE bytes
 * The arena lies between pages that nobody may touch, at ARENA_BASE. The kernel is the same as in test/fuzz/vm.ts: what it answers is a function of its
 * seed, the number of the call and the arguments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../native/blob/vm.h"

#define ARENA_BASE 0x10000000UL
#define ARENA_SIZE 65536UL
#define CODE_SIZE 16384UL
#define GUARD (1UL << 24)
#define MAX_CALLS 200000u

static u32 seed;
static u32 calls;

/* What the kernel writes goes behind the program's cells: programs that pass pointers to those are the caller's mistake. */
static int inside(u64 addr, u64 size) {
  u64 at = addr - ARENA_BASE;
  return addr >= ARENA_BASE + CODE_SIZE && size <= ARENA_SIZE && at <= ARENA_SIZE - size;
}

/* One round of mixing, the same in both languages: only 32-bit multiplications and exclusive ors. */
static u32 mix(u32 h, u32 v) {
  h = (h ^ v) * 0x9e3779b1u;
  return h ^ (h >> 15);
}

static u32 word_of_call(long nr, const u64 *a) {
  u32 h = mix(mix(seed, calls), (u32)nr);
  for (int i = 0; i < 6; i++) h = mix(mix(h, (u32)a[i]), (u32)(a[i] >> 32));
  return h;
}

static long vectored(u32 h, u64 iov, u64 count) {
  u64 sum = 0;
  if (count > 1024 || !inside(iov, count * 16)) return -14;
  for (u64 i = 0; i < count; i++) {
    u64 length;
    memcpy(&length, (void *)(iov + 16 * i + 8), 8);
    if (length > 0x7fffffff) return -22;
    sum += length;
  }
  if ((h & 7) == 0) return -4; /* EINTR */
  if ((h & 63) == 1) return -5;
  return (long)((h >> 6) % (sum + 1));
}

static long positioned(u32 h, u64 buf, u64 size) {
  if ((h & 7) == 0) return -4;
  u64 n = size > 8192 ? 8192 : size;
  n = (h >> 3) % (n + 1);
  if (!inside(buf, n)) return -14;
  memset((void *)buf, (int)(h >> 24), n);
  return (long)n;
}

static long futex(u32 h, const u64 *a) {
  if (a[1] != 0) return (long)(h & 3); /* FUTEX_WAKE: this many woke up */
  if ((h & 3) != 0 || !inside(a[0], 4)) return (h & 4) ? -110 : -11;
  *(volatile any_u32 *)a[0] += 1 + (h >> 28); /* Somebody moved on. */
  return 0;
}

long raw_syscall(long nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  u64 args[6] = {a, b, c, d, e, f};
  u32 h;
  if (++calls > MAX_CALLS) _exit(3);
  /* The timespec of a wait lies on our stack, elsewhere than the model's. */
  if (nr == NR_futex) args[3] = args[3] != 0;
  h = word_of_call(nr, args);
  if (nr == NR_futex) return futex(h, args);
  if (nr == 19 || nr == 20 || nr == 295 || nr == 296) return vectored(h, b, c);
  if (nr == NR_pread64) return positioned(h, b, c);
  switch (h & 7) {
    case 0:
    case 1:
      return -(long)(1 + (h >> 3) % 133);
    case 2:
      if (inside(b, 8)) *(volatile any_u64 *)b = h;
      return 0;
    case 3:
      return (long)((u64)h << 32 | h);
    case 4:
      return -(long)h - 4096;
    default:
      return (long)(h >> 8);
  }
}

long vm_spawn(void *args, u64 size, u64 mode, void *what) {
  (void)mode;
  (void)what;
  return raw_syscall(435, (u64)args, size, 0, 0, 0, 0);
}

static int read_all(void *to, size_t size) { return fread(to, 1, size, stdin) == size; }

int main(void) {
  u32 head[2];
  u8 *place = mmap((void *)(ARENA_BASE - GUARD), ARENA_SIZE + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (place != (u8 *)(ARENA_BASE - GUARD) || mprotect(place + GUARD, ARENA_SIZE, PROT_READ | PROT_WRITE)) return perror("arena"), 2;
  while (read_all(head, sizeof head)) {
    if (!read_all((void *)ARENA_BASE, ARENA_SIZE) || head[0] % 8 || head[0] > ARENA_SIZE - CELL_SIZE) return 2;
    seed = head[1];
    calls = 0;
    i64 status = vm_run((struct vm_cell *)(ARENA_BASE + head[0]));
    u32 tail[2] = {calls, 0};
    fwrite(&status, 8, 1, stdout);
    fwrite(tail, 8, 1, stdout);
    fwrite((void *)ARENA_BASE, ARENA_SIZE, 1, stdout);
  }
  return fflush(stdout) ? 2 : 0;
}
