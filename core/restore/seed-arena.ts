/**
 * The memfd that all seeds map at one address: boot words, the blob's code, then data (programs, results, thread blocks and stacks). It is shared,
 * so a forked seed goes on using it while everything else is copied.
 */
import { closeSync, writeSync } from 'node:fs';
import { CrError } from '../errors.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { LocalCalls } from '../kernel/local.js';
import { ARENA_HEAD } from '../kernel/robust-list.js';
import { Arena } from '../program/arena.js';
import { SEED_BOOT, SEED_BOOT_SIZE, THREAD_BLOCK, THREAD_BLOCK_SIZE } from '../program/isa.js';
import type { Program } from '../program/program.js';
import type { Range } from '../resources/memory/ranges.js';

const PAGE = 4096;
const CLONE_PARENT_SETTID = 0x100000;
const MFD_CLOEXEC = 1;
const MFD_EXEC = 0x10;
/** A seed's stack: the interpreter needs a few hundred bytes (CMakeLists.txt limits frames). */
const STACK_SIZE = 2048;

const roundUp = (value: number) => Math.ceil(value / PAGE) * PAGE;

/** What one thread of a seed runs on. */
export interface SeedThread {
  /** Offset of the thread block. */
  readonly block: number;
  readonly stack: number;
  /** Offset of the u32 that the kernel sets when the process is made. */
  readonly born: number;
}

export class SeedArena {
  readonly fd: number;
  readonly seedFd: number;
  readonly arena: Arena;
  /** Code and data in every seed. */
  readonly range: Range;
  private readonly codeSize: number;

  /** @param base page-aligned address in the seeds; @param dataSize bytes for programs (memory is used only when touched) */
  constructor(
    private readonly thread: KernelThread,
    private readonly calls: LocalCalls,
    base: number,
    dataSize: number,
  ) {
    const { blob } = thread.native;
    this.codeSize = roundUp(blob.code.length);
    const size = roundUp(dataSize);
    this.range = { start: base, end: base + this.codeSize + size };
    this.seedFd = this.memfd('criu-ts-seed');
    writeSync(this.seedFd, blob.seed, 0, blob.seed.length, 0);
    this.fd = this.memfd('criu-ts-arena');
    calls.must({ why: 'size the arena' }, 'ftruncate', this.fd, PAGE + this.codeSize + size);
    writeSync(this.fd, blob.code, 0, blob.code.length, PAGE);
    this.arena = new Arena(thread.native.mapFd(this.fd, size, PAGE + this.codeSize), base + this.codeSize, ARENA_HEAD.size);
  }

  static sizeOfCode(thread: KernelThread): number {
    return roundUp(thread.native.blob.code.length);
  }

  private memfd(name: string): number {
    const text = this.calls.text(Buffer.from(name));
    // MFD_EXEC since 6.3: without it vm.memfd_noexec may forbid execution; older kernels do not know the flag.
    const fd = this.calls.call('memfd_create', text, MFD_CLOEXEC | MFD_EXEC);
    return fd >= 0 ? fd : this.calls.must({ why: 'make a memfd' }, 'memfd_create', text, MFD_CLOEXEC);
  }

  /** Makes the thread block and stack of one seed thread. The main thread of the root watches us; all others are told by its death word. */
  addThread(watchesOwner: boolean): SeedThread {
    const block = this.arena.alloc(THREAD_BLOCK_SIZE, 64);
    const stack = this.arena.alloc(STACK_SIZE, 64);
    this.put(block + THREAD_BLOCK.watch, this.arena.addr(watchesOwner ? ARENA_HEAD.word : ARENA_HEAD.death));
    this.put(block + THREAD_BLOCK.death, watchesOwner ? this.arena.addr(ARENA_HEAD.death) : 0);
    return { block, stack, born: this.arena.alloc(8, 8) };
  }

  private put(at: number, value: number): void {
    this.arena.view.setBigUint64(at, BigInt(value), true);
  }

  /** Boot words: the root seed maps everything and serves this thread block. */
  writeBoot(root: SeedThread): void {
    const words = Buffer.alloc(SEED_BOOT_SIZE);
    const put = (at: number, value: number) => words.writeBigUInt64LE(BigInt(value), at);
    put(SEED_BOOT.codeAddr, this.range.start);
    put(SEED_BOOT.codeSize, this.codeSize);
    put(SEED_BOOT.codeOffset, PAGE);
    put(SEED_BOOT.dataAddr, this.arena.base);
    put(SEED_BOOT.dataSize, this.arena.size);
    put(SEED_BOOT.dataOffset, PAGE + this.codeSize);
    put(SEED_BOOT.stack, this.stackTop(root));
    put(SEED_BOOT.entry, this.range.start + this.thread.native.blob.entry);
    put(SEED_BOOT.thread, this.arena.addr(root.block));
    writeSync(this.fd, words, 0, words.length, 0);
  }

  private stackTop(thread: SeedThread): number {
    return this.arena.addr(thread.stack + STACK_SIZE);
  }

  /** clone3 arguments for a process that serves `thread`: the kernel notes its birth before anybody can see it (CLONE_PARENT_SETTID). */
  processArgs(p: Program, thread: SeedThread, pid: number, flags: number, exitSignal: number) {
    return this.cloneArgs(p, thread, pid, flags | CLONE_PARENT_SETTID, exitSignal).put({ parent_tid: this.arena.addr(thread.born) });
  }

  /** Whether the number of a process is that of ours, and not of somebody who has it in its place or after it. */
  isBorn({ born }: SeedThread): boolean {
    return this.arena.view.getUint32(born, true) !== 0;
  }
  noteBirth({ born }: SeedThread): void {
    this.arena.view.setUint32(born, 1, true);
  }
  /** In the program that reaped it: from now on the number may be anybody's. */
  emitReaped(p: Program, { born }: SeedThread): void {
    p.store(this.arena.addr(born), 0, 4);
  }

  /** clone3 arguments for a child that serves `thread`. `setTid` is its pid or tid. struct clone_args, clone(2). */
  cloneArgs(p: Program, thread: SeedThread, setTid: number, flags: number, exitSignal: number) {
    const tid = p.out(8).setU64(0, setTid);
    return p.struct('clone_args', {
      flags,
      exit_signal: exitSignal,
      stack: this.arena.addr(thread.stack),
      stack_size: STACK_SIZE,
      set_tid: tid.addr,
      set_tid_size: 1,
    });
  }

  /** The thread will run this program as soon as it exists. */
  presetProgram(thread: SeedThread, program: Program): void {
    this.put(thread.block + THREAD_BLOCK.program, program.address);
    this.arena.view.setUint32(thread.block + THREAD_BLOCK.command, 1, true);
  }

  /** Hands over the next program; the caller wakes the returned local address. Returns nothing to wait for: see isDone. */
  submit(p: Program, thread: SeedThread, program: Program): void {
    this.put(thread.block + THREAD_BLOCK.program, program.address);
    p.touchesView(this.arena).wake(this.localBlock(thread) + THREAD_BLOCK.command, 1);
  }

  /** Waits for the last program handed over, for a bounded time: see isDone. */
  emitWait(p: Program, thread: SeedThread, timeoutNs: number): void {
    p.touchesView(this.arena)
      .wait(this.localBlock(thread) + THREAD_BLOCK.done, this.goalOf(thread), timeoutNs)
      .ignore('isDone() tells');
  }

  isDone(thread: SeedThread): boolean {
    const { view } = this.arena;
    return view.getUint32(thread.block + THREAD_BLOCK.done, true) === view.getUint32(thread.block + THREAD_BLOCK.command, true);
  }

  statusOf(thread: SeedThread): number {
    return Number(this.arena.view.getBigInt64(thread.block + THREAD_BLOCK.status, true));
  }

  localBlock(thread: SeedThread): number {
    return Number(this.arena.mapping.addr) + thread.block;
  }
  goalOf(thread: SeedThread): number {
    return this.arena.view.getUint32(thread.block + THREAD_BLOCK.command, true);
  }

  close(): void {
    closeSync(this.fd);
    closeSync(this.seedFd);
    this.thread.native.unmap(this.arena.mapping);
  }
}

/** Which seed thread serves which task or thread. */
export class SeedThreads<K extends object> {
  private readonly threads = new Map<K, SeedThread>();

  set(key: K, thread: SeedThread): void {
    this.threads.set(key, thread);
  }
  of(key: K): SeedThread {
    const thread = this.threads.get(key);
    if (!thread) throw new CrError('CR_INTERNAL', { message: 'task without a seed', target: 'destroyed' });
    return thread;
  }
  has(key: K): boolean {
    return this.threads.has(key);
  }
}
