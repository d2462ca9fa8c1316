/*
 * The syscall VM: an interpreter of flat system call programs, freestanding. It runs in three homes: in the addon (KernelThread), in a
 * frozen target (parasite) and in a seed (restorer). The instruction set is described in core/program/isa.ts, from which isa.h is made.
 */
#ifndef CRIU_TS_VM_H
#define CRIU_TS_VM_H

#include "../generated/isa.h"

#ifdef __cplusplus
#define VM_ASSERT static_assert
#else
#define VM_ASSERT _Static_assert
#endif

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;
/* Words at any address, of any type: what programs load and store. */
typedef u16 __attribute__((aligned(1), may_alias)) any_u16;
typedef u32 __attribute__((aligned(1), may_alias)) any_u32;
typedef int __attribute__((aligned(1), may_alias)) any_i32;
typedef u64 __attribute__((aligned(1), may_alias)) any_u64;

struct vm_cell {
  u16 op;
  u16 kinds;
  u8 policy;
  u8 aux;
  u16 nr;
  i64 result;
  u64 arg[6];
};

struct vm_thread {
  u32 command;
  u32 done;
  i64 status;
  u64 program;
  u64 watch;
  u64 death;
  u64 on_death;
  u64 reserved[2];
};

VM_ASSERT(sizeof(struct vm_cell) == CELL_SIZE, "cell layout");
VM_ASSERT(__builtin_offsetof(struct vm_cell, result) == CELL_RESULT, "cell layout");
VM_ASSERT(__builtin_offsetof(struct vm_cell, arg) == CELL_ARGS, "cell layout");
VM_ASSERT(sizeof(struct vm_thread) == THREAD_BLOCK_SIZE, "thread block layout");
VM_ASSERT(__builtin_offsetof(struct vm_thread, watch) == TB_WATCH, "thread block layout");
VM_ASSERT(__builtin_offsetof(struct vm_thread, on_death) == TB_ON_DEATH, "thread block layout");

/*
 * Runs a program. Returns the index of the `end` cell (>= 0) on success, or ~index of the cell that failed (< 0); that cell's `result`
 * holds the negative errno. A jump out of order or an unknown opcode fails with -EINVAL at that cell.
 */
i64 vm_run(struct vm_cell *program);

/* Serves commands on a thread block until the owner dies (see isa.ts, THREAD_BLOCK). Never returns. */
__attribute__((noreturn)) void vm_daemon(struct vm_thread *t);

/* Per architecture (arch_<name>.S): clone3 onto the stack in args; the child enters vm_spawned(mode, what) there. */
i64 vm_spawn(void *clone_args, u64 size, u64 mode, void *what);
__attribute__((noreturn)) void vm_spawned(u64 mode, void *what);

#include "arch.h"

#endif
