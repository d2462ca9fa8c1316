/* x86-64: clone3 onto a new stack, the daemon's entry, and the rescue stub. */
#include "../generated/isa.h"

  .text
  .globl vm_entry
  .hidden vm_entry
/* Entry of the blob: rdi = thread block, rsp = top of this thread's stack. */
vm_entry:
  xor %ebp, %ebp
  call vm_daemon
  ud2

  .globl vm_spawn
  .hidden vm_spawn
/* i64 vm_spawn(void *clone_args, u64 size, u64 mode, void *what) */
vm_spawn:
  push %r12
  push %r13
  mov %rdx, %r12
  mov %rcx, %r13
  mov $435, %eax /* clone3 */
  syscall
  test %rax, %rax
  jnz 1f
  xor %ebp, %ebp /* child: on its own stack from here on; the parent's pushes are not there */
  mov %r12, %rdi
  mov %r13, %rsi
  call vm_spawned
  ud2
1:
  pop %r13
  pop %r12
  ret

/*
 * The rescue stub: position independent, self-contained, copied into places that the target may execute. At every instant "just resume"
 * must lead back to the original state: a remote call is made at stub_syscall, and when the tracer is gone it falls through into the
 * rescue, which reloads every register from the data behind the code and leaves with all flags and floating point state untouched.
 * The mask comes back with the last system call; from there on only moves follow, on the task's own stack, so a signal handler may run.
 */
  .globl stub_begin, stub_syscall, stub_unmap, stub_rescue, stub_data, stub_end
  .hidden stub_begin, stub_syscall, stub_unmap, stub_rescue, stub_data, stub_end
  .balign 8
stub_begin:
stub_syscall:
  syscall
  jmp stub_rescue
stub_unmap:
  mov $11, %eax /* munmap the code, then the data mapping */
  mov stub_data + STUB_CODE_ADDR(%rip), %rdi
  mov stub_data + STUB_CODE_SIZE(%rip), %rsi
  syscall
  mov $11, %eax
  mov stub_data + STUB_DATA_ADDR(%rip), %rdi
  mov stub_data + STUB_DATA_LENGTH(%rip), %rsi
  syscall
stub_rescue:
  lea stub_data + STUB_EFLAGS(%rip), %rsp
  popfq
  mov stub_data + STUB_RSP(%rip), %rsp
  mov $14, %eax /* rt_sigprocmask(SIG_SETMASK, mask, NULL, 8); mov leaves the flags alone */
  mov $2, %edi
  lea stub_data + STUB_MASK(%rip), %rsi
  mov $0, %edx
  mov $8, %r10d
  syscall
  mov stub_data + STUB_R15(%rip), %r15
  mov stub_data + STUB_R14(%rip), %r14
  mov stub_data + STUB_R13(%rip), %r13
  mov stub_data + STUB_R12(%rip), %r12
  mov stub_data + STUB_RBP(%rip), %rbp
  mov stub_data + STUB_RBX(%rip), %rbx
  mov stub_data + STUB_R11(%rip), %r11
  mov stub_data + STUB_R10(%rip), %r10
  mov stub_data + STUB_R9(%rip), %r9
  mov stub_data + STUB_R8(%rip), %r8
  mov stub_data + STUB_RAX(%rip), %rax
  mov stub_data + STUB_RCX(%rip), %rcx
  mov stub_data + STUB_RDX(%rip), %rdx
  mov stub_data + STUB_RSI(%rip), %rsi
  mov stub_data + STUB_RDI(%rip), %rdi
  jmp *stub_data + STUB_RIP(%rip)
  .balign 8
stub_data:
  .skip STUB_DATA_SIZE
stub_end:
