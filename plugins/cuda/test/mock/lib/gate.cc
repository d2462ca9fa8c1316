#include "gate.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>

#include "io.h"

namespace {

std::atomic<uint32_t> g_closed{0};
std::atomic<uint32_t> g_inside{0};

uint32_t *word(std::atomic<uint32_t> &value) { return reinterpret_cast<uint32_t *>(&value); }

// Plain futex waits without a time limit: a dumped and restored waiter goes on waiting, as the kernel restarts the call.
void wait_while(std::atomic<uint32_t> &value, uint32_t seen) {
  syscall(SYS_futex, word(value), FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

void wake_all(std::atomic<uint32_t> &value) { syscall(SYS_futex, word(value), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0); }

}  // namespace

void gate_enter() {
  for (;;) {
    while (g_closed.load() != 0) wait_while(g_closed, 1);
    g_inside.fetch_add(1);
    if (g_closed.load() == 0) return;
    // Closed between the look and the count: whoever closed it may already wait for us.
    gate_leave();
  }
}

void gate_leave() {
  g_inside.fetch_sub(1);
  if (g_closed.load() != 0) wake_all(g_inside);
}

void gate_close() { g_closed.store(1); }

void gate_open() {
  g_closed.store(0);
  wake_all(g_closed);
}

bool gate_wait_empty(uint64_t deadline_ns) {
  for (;;) {
    uint32_t inside = g_inside.load();
    if (inside == 0) return true;
    if (deadline_ns == 0) {
      wait_while(g_inside, inside);
      continue;
    }
    uint64_t now = now_ns();
    if (now >= deadline_ns) return false;
    timespec left = as_timespec(deadline_ns - now);
    syscall(SYS_futex, word(g_inside), FUTEX_WAIT_PRIVATE, inside, &left, nullptr, 0);
  }
}
