/* x86-64: the seed's first instructions. The kernel enters with a stack that need not be aligned for calls. */
  .text
  .globl _start
_start:
  xor %ebp, %ebp
  and $-16, %rsp
  call seed_main
  ud2
  .section .note.GNU-stack,"",@progbits
