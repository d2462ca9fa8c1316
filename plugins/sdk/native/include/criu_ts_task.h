/*
 * What a task program of a criu-ts plugin includes, once. C, freestanding: no libc, no writable data, no constructors. SeedTask.runNative() runs it inside a process
 * that is being restored, whose memory is in place and whose threads, descriptors and credentials are not:
 *
 *   #include <criu_ts_task.h>
 *   int64_t criu_ts_task_main(struct criu_ts_task_call *call) { ... return 0; }
 *
 * It runs on a stack of 100 KiB with every signal blocked. What it returns is the `result` of runNative(). System calls: criu_ts_syscall().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#if !defined(__x86_64__)
#error "criu_ts_task.h: x86-64 only"
#endif

/* The same number as PLUGIN_TASK_ABI of the SDK; the header below has it too. */
#define CRIU_TS_TASK_ABI 1

struct criu_ts_task_call {
  uint32_t abi;
  /* Of this structure. */
  uint32_t size;
  int64_t result;
  const void *input;
  uint64_t input_size;
  void *output;
  uint64_t output_size;
};

int64_t criu_ts_task_main(struct criu_ts_task_call *call);

/* Result, or the negative errno. */
static inline long criu_ts_syscall(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}

/* The image begins with its header: magic, ABI, machine (EM_X86_64), size, entry, the way back. It is linked at address 0, so addresses are offsets. */
__asm__(
    ".pushsection .criu_ts_task_header, \"a\", @progbits\n"
    ".ascii \"CRTSTASK\"\n"
    ".long 1, 62\n"
    ".long criu_ts_task_end, criu_ts_task_enter, criu_ts_task_leave, 0\n"
    ".popsection\n"
    ".pushsection .text.criu_ts_task_leave, \"ax\", @progbits\n"
    "criu_ts_task_leave:\n"
    "  movl $15, %eax\n" /* rt_sigreturn(2) */
    "  syscall\n"
    ".popsection\n");

/* It is entered as a handler of a queued signal: the value of that signal is the address of the call (si_value, asm/siginfo.h). */
__attribute__((used, visibility("hidden"))) void criu_ts_task_enter(int signal, const unsigned char *info, void *context) {
  struct criu_ts_task_call *call = *(struct criu_ts_task_call *const *)(info + 24);
  (void)signal;
  (void)context;
  call->result = criu_ts_task_main(call);
}

/* The compiler may call these for copies and initial values. */
__attribute__((weak, visibility("hidden"))) void *memcpy(void *to, const void *from, size_t size) {
  for (size_t i = 0; i < size; i++) ((unsigned char *)to)[i] = ((const unsigned char *)from)[i];
  return to;
}
__attribute__((weak, visibility("hidden"))) void *memset(void *to, int byte, size_t size) {
  for (size_t i = 0; i < size; i++) ((unsigned char *)to)[i] = (unsigned char)byte;
  return to;
}
