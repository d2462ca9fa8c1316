#include "vm.h"

#define ERR_INTR (-4L)
#define ERR_AGAIN (-11L)
#define ERR_INVAL (-22L)
#define ERR_NODATA (-61L)
#define FUTEX_OWNER_DIED 0x40000000u
#define PAGE 4096UL

struct vec { /* struct iovec; at any address, like all that programs point to */
  any_u64 base;
  any_u64 len;
};
struct waiter { /* struct futex_waitv, include/uapi/linux/futex.h, 5.16 */
  u64 val;
  u64 uaddr;
  u32 flags;
  u32 reserved;
};
#define FUTEX_32 2u

static u64 operand(const struct vm_cell *program, const struct vm_cell *cell, unsigned i) {
  u64 v = cell->arg[i];
  switch ((cell->kinds >> (2 * i)) & 3) {
    case KIND_RESULT:
      return (u64)program[v].result;
    case KIND_WORD64:
      return *(volatile any_u64 *)v;
    case KIND_WORD32:
      return (u64)(i64) * (volatile any_i32 *)v;
    default:
      return v;
  }
}

static i64 load(u64 addr, u8 width) {
  switch (width) {
    case 1:
      return *(volatile u8 *)addr;
    case 2:
      return *(volatile any_u16 *)addr;
    case 4:
      return *(volatile any_u32 *)addr;
    default:
      return (i64) * (volatile any_u64 *)addr;
  }
}

static void store(u64 addr, u64 value, u8 width) {
  switch (width) {
    case 1:
      *(volatile u8 *)addr = (u8)value;
      break;
    case 2:
      *(volatile any_u16 *)addr = (u16)value;
      break;
    case 4:
      *(volatile any_u32 *)addr = (u32)value;
      break;
    default:
      *(volatile any_u64 *)addr = value;
  }
}

/* readv/writev families return short counts (signals, pipes, 2 GiB limit, readv(2)): go on until every iovec is used up. */
static i64 io_all(u16 nr, u64 fd, u64 iov, u64 count, u64 offset) {
  struct vec *v = (struct vec *)iov;
  i64 total = 0;
  while (count > 0) {
    if (v->len == 0) {
      v++;
      count--;
      continue;
    }
    i64 n = raw_syscall(nr, fd, (u64)v, count > 1024 ? 1024 : count, offset, 0, 0);
    if (n == ERR_INTR) continue;
    if (n == 0) return ERR_NODATA;
    if (n < 0) return n;
    total += n;
    offset += (u64)n;
    while (n > 0) {
      u64 step = (u64)n < v->len ? (u64)n : v->len;
      v->base += step;
      v->len -= step;
      n -= (i64)step;
      if (v->len == 0) {
        v++;
        count--;
      }
    }
  }
  return total;
}

static int serial_before(u32 now, u32 goal) { return (int)(now - goal) < 0; }

static i64 wait_word(u64 addr, u32 goal, u64 timeout_ns) {
  u64 ts[2] = {timeout_ns / 1000000000UL, timeout_ns % 1000000000UL};
  for (;;) {
    u32 now = __atomic_load_n((u32 *)addr, __ATOMIC_ACQUIRE);
    if (!serial_before(now, goal)) return 0;
    i64 n = raw_syscall(NR_futex, addr, 0 /* FUTEX_WAIT, shared */, now, timeout_ns ? (u64)ts : 0, 0, 0);
    if (n < 0 && n != ERR_AGAIN) return n;
  }
}

static void wake_all(u64 addr) { raw_syscall(NR_futex, addr, 1 /* FUTEX_WAKE */, 0x7fffffff, 0, 0, 0); }

/*
 * Fills memory that was inherited by fork: a page that is already equal stays untouched, so that it stays shared with the parent
 * (fork(2): pages are shared until written).
 */
static i64 cow_fill(u64 fd, u64 offset, u64 dst, u64 len, u64 scratch, u64 scratch_size) {
  i64 written = 0;
  while (len > 0) {
    u64 want = len < scratch_size ? len : scratch_size;
    u64 have = 0;
    while (have < want) {
      i64 n = raw_syscall(NR_pread64, fd, scratch + have, want - have, offset + have, 0, 0);
      if (n == ERR_INTR) continue;
      if (n == 0) return ERR_NODATA;
      if (n < 0) return n;
      have += (u64)n;
    }
    for (u64 at = 0; at < want; at += PAGE) {
      const any_u64 *a = (const any_u64 *)(scratch + at);
      const any_u64 *b = (const any_u64 *)(dst + at);
      unsigned i = 0;
      while (i < PAGE / 8 && a[i] == b[i]) i++;
      if (i == PAGE / 8) continue;
      copy_bytes(dst + at, scratch + at, PAGE);
      written++;
    }
    offset += want;
    dst += want;
    len -= want;
  }
  return written;
}

static i64 execute(struct vm_cell *p, struct vm_cell *c) {
  u64 a[6];
  for (unsigned i = 0; i < 6; i++) a[i] = operand(p, c, i);
  switch (c->op) {
    case OP_SYSCALL:
      return raw_syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    case OP_STORE:
      store(a[0], a[1], c->aux);
      return 0;
    case OP_LOAD:
      return load(a[0], c->aux);
    case OP_ADD:
      return (i64)(a[0] + a[1]);
    case OP_IO_ALL:
      return io_all(c->nr, a[0], a[1], a[2], a[3]);
    case OP_WAIT:
      return wait_word(a[0], (u32)a[1], a[2]);
    case OP_WAKE:
      __atomic_fetch_add((u32 *)a[0], (u32)a[1], __ATOMIC_RELEASE);
      wake_all(a[0]);
      return 0;
    case OP_SPAWN:
      return vm_spawn((void *)a[0], a[1], c->aux, (void *)a[2]);
    case OP_FILL:
      fill_bytes(a[0], a[1], a[2]);
      return 0;
    case OP_COPY:
      copy_bytes(a[0], a[1], a[2]);
      return 0;
    case OP_COW_FILL:
      return cow_fill(a[0], a[1], a[2], a[3], a[4], a[5]);
    default:
      return ERR_INVAL;
  }
}

/* load and add give data, not errors: a large value must not look like a failure. */
static int gives_error(u16 op) { return op != OP_LOAD && op != OP_ADD; }

i64 vm_run(struct vm_cell *p) {
  for (i64 i = 0;; i++) {
    struct vm_cell *c = &p[i];
    if (c->op == OP_END) return i;
    if (c->op == OP_BRANCH || c->op == OP_RETRY || c->op == OP_EXPECT) {
      u64 value = operand(p, c, 0);
      int match = (value & operand(p, c, 1)) == operand(p, c, 2);
      if (c->op == OP_EXPECT) {
        c->result = (i64)value;
        if (!match && c->policy == POLICY_MUST) return ~i;
        continue;
      }
      if (!match) continue;
      i64 to = (i64)c->arg[3];
      if (c->op == OP_BRANCH ? to <= i : to >= i) return c->result = ERR_INVAL, ~i;
      if (c->op == OP_RETRY && c->result++ >= (i64)c->arg[4]) return c->result = ERR_AGAIN, ~i;
      i = to - 1;
      continue;
    }
    i64 r = execute(p, c);
    c->result = r;
    if (r < 0 && r > -4096 && gives_error(c->op)) {
      if (c->policy == POLICY_MUST) return ~i;
      if (c->policy == POLICY_TOLERATE && r != -(i64)c->aux) return ~i;
    }
  }
}

static void owner_died(struct vm_thread *t) {
  if (t->death) {
    __atomic_store_n((u32 *)t->death, FUTEX_OWNER_DIED, __ATOMIC_RELEASE);
    wake_all(t->death);
  }
  if (t->on_death) ((void (*)(void))t->on_death)();
  raw_syscall(NR_exit_group, 1, 0, 0, 0, 0, 0);
}

void vm_daemon(struct vm_thread *t) {
  for (;;) {
    u32 watch = t->watch ? __atomic_load_n((u32 *)t->watch, __ATOMIC_ACQUIRE) : 0;
    if (watch & FUTEX_OWNER_DIED) owner_died(t);
    u32 command = __atomic_load_n(&t->command, __ATOMIC_ACQUIRE);
    if (command != t->done) {
      t->status = vm_run((struct vm_cell *)t->program);
      __atomic_store_n(&t->done, command, __ATOMIC_RELEASE);
      wake_all((u64)&t->done);
      continue;
    }
    /*
     * futex_waitv, not a timed futex: an interrupted timed wait would replace the restart block of the call that the task was in
     * when it was frozen (restart_syscall(2)), and the task would sleep for the wrong time.
     */
    struct waiter w[2] = {{command, (u64)&t->command, FUTEX_32, 0}, {watch, t->watch, FUTEX_32, 0}};
    raw_syscall(NR_futex_waitv, (u64)w, t->watch ? 2 : 1, 0, 0, 0, 0);
  }
}

void vm_spawned(u64 mode, void *what) {
  if (mode == 0) vm_daemon((struct vm_thread *)what);
  vm_run((struct vm_cell *)what);
  raw_syscall(NR_exit_group, 127, 0, 0, 0, 0, 0);
  __builtin_unreachable();
}
