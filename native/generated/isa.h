/* Generated from core/program/isa.ts and core/arch by config/generate-native.mjs. Do not edit. */
#ifndef CRIU_TS_ISA_H
#define CRIU_TS_ISA_H

#define OP_END 0
#define OP_SYSCALL 1
#define OP_STORE 2
#define OP_LOAD 3
#define OP_ADD 4
#define OP_EXPECT 5
#define OP_BRANCH 6
#define OP_RETRY 7
#define OP_IO_ALL 8
#define OP_WAIT 9
#define OP_WAKE 10
#define OP_SPAWN 11
#define OP_FILL 12
#define OP_COPY 13
#define OP_COW_FILL 14

#define KIND_CONSTANT 0
#define KIND_RESULT 1
#define KIND_WORD64 2
#define KIND_WORD32 3

#define POLICY_MUST 0
#define POLICY_IGNORE 1
#define POLICY_TOLERATE 2

#define CELL_OP 0
#define CELL_KINDS 2
#define CELL_POLICY 4
#define CELL_AUX 5
#define CELL_NR 6
#define CELL_RESULT 8
#define CELL_ARGS 16

#define TB_COMMAND 0
#define TB_DONE 4
#define TB_STATUS 8
#define TB_PROGRAM 16
#define TB_WATCH 24
#define TB_DEATH 32
#define TB_ON_DEATH 40

#define BOOT_CODE_ADDR 0
#define BOOT_CODE_SIZE 8
#define BOOT_CODE_OFFSET 16
#define BOOT_DATA_ADDR 24
#define BOOT_DATA_SIZE 32
#define BOOT_DATA_OFFSET 40
#define BOOT_STACK 48
#define BOOT_ENTRY 56
#define BOOT_THREAD 64

#ifdef __x86_64__
#define STUB_R15 0
#define STUB_R14 8
#define STUB_R13 16
#define STUB_R12 24
#define STUB_RBP 32
#define STUB_RBX 40
#define STUB_R11 48
#define STUB_R10 56
#define STUB_R9 64
#define STUB_R8 72
#define STUB_RAX 80
#define STUB_RCX 88
#define STUB_RDX 96
#define STUB_RSI 104
#define STUB_RDI 112
#define STUB_RIP 120
#define STUB_EFLAGS 128
#define STUB_RSP 136
#define STUB_MASK 144
#define STUB_CODE_ADDR 152
#define STUB_CODE_SIZE 160
#define STUB_DATA_ADDR 168
#define STUB_DATA_LENGTH 176
#define STUB_DATA_SIZE 184
#endif

#define CELL_SIZE 64
#define THREAD_BLOCK_SIZE 64
#define SEED_BOOT_SIZE 72
#define SEED_FD 3

#endif
