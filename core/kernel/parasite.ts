/** The parasite: an arena shared with a frozen process and a daemon in each of its threads. It comes by infect.ts and goes by cure.ts. */
import { closeSync, openSync } from 'node:fs';
import { NT_PRSTATUS, PTRACE, type Registers } from '../abi/ptrace.js';
import { CrError } from '../errors.js';
import { Arena } from '../program/arena.js';
import { THREAD_BLOCK, THREAD_BLOCK_SIZE } from '../program/isa.js';
import type { Program } from '../program/program.js';
import type { KernelThread } from './kernel-thread.js';
import { readStat } from './procfs/stat.js';
import { registerVector, type RemoteCall, type RemoteCaller } from './remote-call.js';
import { resumeRegisters } from './restart.js';
import { ARENA_HEAD, type RobustList } from './robust-list.js';
import { stubBytes, stubSlotSize, writeMemory, type StubPlace } from './stub.js';
import { stepProgram } from './stepper.js';
import type { TracedProcess, Tracee } from './tracee.js';

const PAGE = 4096;
const THREAD_STACK = 1536;
const ALL_SIGNALS = 0xffffffffffffffffn;
const POLL_NS = 20_000_000;

interface Daemon {
  readonly tracee: Tracee;
  /** Offset of the thread block in the arena. */
  readonly block: number;
  readonly stackTop: number;
  /** Address of the `syscall` instruction of the thread's own rescue stub. */
  readonly syscallAt: number;
}

/** One program for one thread of a parasite. */
export interface RemoteJob {
  readonly parasite: Parasite;
  readonly tracee: Tracee;
  readonly program: Program;
}

export class Parasite {
  private place: StubPlace | null = null;
  private code: { readonly addr: number; readonly size: number; mapping: Arena | null } | null = null;
  private data: { readonly addr: number; readonly size: number } | null = null;
  private memory: Arena | null = null;
  private readonly daemons = new Map<Tracee, Daemon>();
  /** Every daemon runs, and nobody has been told to stop. */
  private allRun = false;

  constructor(
    private readonly thread: KernelThread,
    private readonly robust: RobustList,
    readonly process: TracedProcess,
    /** Bytes for programs and results. */
    private readonly arenaSize: number,
    /** Nothing of ours runs in the task: its threads stay stopped, and programs are stepped from outside (stepper.ts). */
    readonly stepping = false,
  ) {}

  get arena(): Arena {
    if (!this.memory) throw new CrError('CR_INTERNAL', { message: `process ${this.process.pid} is not infected`, target: 'frozen' });
    return this.memory;
  }

  /** Address ranges that belong to us, not to the target. */
  get ranges(): { start: number; end: number }[] {
    const code = this.code ? [{ start: this.code.addr, end: this.code.addr + this.code.size }] : [];
    const data = this.data ? [{ start: this.data.addr, end: this.data.addr + this.data.size }] : [];
    return [...code, ...data];
  }

  /** Where the stub went, and the vDSO bytes it covers. */
  get stub(): StubPlace | null {
    return this.place;
  }

  /** Writes the rescue stub of the main thread. Precondition: all threads are stopped and their registers and masks are read. */
  placeStub(place: StubPlace): void {
    this.place = place;
    this.writeStub();
  }

  private writeStub(): void {
    writeMemory(this.process.pid, this.place!.addr, stubBytes(this.thread.native.blob, this.rescueOf(this.process.main)));
  }

  /** What brings a thread back to where it was. */
  private rescueOf(tracee: Tracee): {
    registers: Registers;
    mask: bigint;
    code?: { addr: number; size: number };
    data?: { addr: number; size: number };
  } {
    if (!tracee.registers) throw new CrError('CR_INTERNAL', { message: `registers of ${tracee.tid} were not read`, target: 'frozen' });
    const registers = resumeRegisters(tracee.registers, { signalPending: tracee.signalPending, sameTask: true });
    const maps = this.code && this.data ? { code: this.code, data: this.data } : {};
    return { registers, mask: tracee.mask, ...maps };
  }

  /** Address of the `syscall` instruction of the main thread's rescue stub. */
  get syscallAt(): number {
    const { blob } = this.thread.native;
    return (this.place?.addr ?? 0) + blob.stubSyscall - blob.stubBegin;
  }

  private get rescueAt(): number {
    const { blob } = this.thread.native;
    return (this.place?.addr ?? 0) + blob.stubRescue - blob.stubBegin;
  }

  /** Bytes of the two mappings: code with a stub for each thread, and the arena. */
  get sizes(): { readonly code: number; readonly data: number } {
    const { blob } = this.thread.native;
    const { length } = this.process.threads;
    const code = roundUp(roundUp(blob.code.length, 64) + length * stubSlotSize(blob), PAGE);
    return { code, data: roundUp(this.arenaSize + ARENA_HEAD.size + length * (THREAD_BLOCK_SIZE + THREAD_STACK), PAGE) };
  }

  /** Emits: the main thread stands at its rescue stub, then nothing interrupts it. */
  emitToStub(p: Program): void {
    const { tid, registers } = this.process.main;
    const parked = registerVector(p, registers!.clone().set('rip', this.rescueAt).set('orig_rax', -1n));
    p.sys.ptrace(PTRACE.SETREGSET, tid, NT_PRSTATUS, parked.iov).must(`point task ${tid} at its rescue stub`);
    p.sys.ptrace(PTRACE.SETSIGMASK, tid, 8, p.out(8).setU64(0, ALL_SIGNALS)).must(`block signals of task ${tid}`);
  }

  /** A remote call by the main thread, from its rescue stub. */
  caller(call: RemoteCall): RemoteCaller {
    const { tid, registers } = this.process.main;
    return { tid, at: this.syscallAt, base: registers!, call };
  }

  /** The code mapping is there. */
  hasCode(addr: number): void {
    const { code } = this.sizes;
    this.code = { addr, size: code, mapping: null };
  }

  /** The arena is there. */
  hasArena(addr: number): void {
    this.data = { addr, size: this.sizes.data };
  }

  /** Our view of shared anonymous memory of the target: /proc/PID/map_files opens it without any path or descriptor (needs CAP_SYS_ADMIN). */
  private share(addr: number, size: number, reserved: number): Arena {
    const name = `${addr.toString(16)}-${(addr + size).toString(16)}`;
    const fd = openSync(`/proc/${this.process.pid}/map_files/${name}`, 'r+');
    try {
      return new Arena(this.thread.native.mapFd(fd, size, 0), addr, reserved);
    } finally {
      closeSync(fd);
    }
  }

  /** Fills in blob, stub slots and thread blocks. */
  placeThreads(): void {
    const { blob } = this.thread.native;
    const code = this.code!;
    const mapping = this.share(code.addr, code.size, 0);
    code.mapping = mapping;
    this.memory = this.share(this.data!.addr, this.data!.size, ARENA_HEAD.size);
    this.robust.add(this.memory);
    mapping.bytes.set(blob.code, 0);
    const slotSize = stubSlotSize(blob);
    const slots = roundUp(blob.code.length, 64);
    const { main } = this.process;
    const single = this.process.threads.length === 1;
    this.process.threads.forEach((tracee, i) => {
      const isMain = tracee === main;
      const slot = slots + i * slotSize;
      mapping.bytes.set(stubBytes(blob, this.rescueOf(tracee)), slot);
      const block = this.arena.alloc(THREAD_BLOCK_SIZE, 64);
      const stack = this.arena.alloc(THREAD_STACK, 64);
      const view = this.arena.view;
      const put = (field: number, value: number) => view.setBigUint64(block + field, BigInt(value), true);
      put(THREAD_BLOCK.watch, this.arena.addr(isMain ? ARENA_HEAD.word : ARENA_HEAD.death));
      put(THREAD_BLOCK.death, isMain ? this.arena.addr(ARENA_HEAD.death) : 0);
      // A single thread unmaps the arena on its way out (from the vDSO); with more threads the mapping stays, because nobody knows when the
      // last one has left it. It is harmless.
      const vdsoExit = this.place!.addr + (single ? blob.stubUnmap : blob.stubRescue) - blob.stubBegin;
      put(THREAD_BLOCK.onDeath, isMain ? vdsoExit : code.addr + slot + blob.stubRescue - blob.stubBegin);
      const syscallAt = isMain ? this.syscallAt : code.addr + slot + blob.stubSyscall - blob.stubBegin;
      this.daemons.set(tracee, { tracee, block, stackTop: this.arena.addr(stack + THREAD_STACK), syscallAt });
    });
    // The vDSO stub learns what to unmap, now that it exists.
    this.writeStub();
  }

  /** Arena bytes that emitStart() needs. */
  get startSize(): number {
    return this.daemons.size * 640;
  }

  /** Emits the start of all daemons; when stepping, every thread merely stands at its rescue stub. */
  emitStart(p: Program): void {
    if (this.stepping) this.emitParkOthers(p);
    else for (const daemon of this.daemons.values()) this.emitDaemon(p, daemon);
  }

  /** The program of emitStart() has ended well. */
  started(): void {
    this.allRun = !this.stepping;
  }

  private emitDaemon(p: Program, { tracee, block, stackTop }: Daemon): void {
    const { blob } = this.thread.native;
    const why = `start the daemon of thread ${tracee.tid}`;
    const regs = tracee
      .registers!.clone()
      .set('rip', this.code!.addr + blob.entry)
      .set('rsp', stackTop)
      .set('orig_rax', -1n)
      .set('rdi', this.arena.addr(block))
      .set('eflags', 0x202);
    p.sys.ptrace(PTRACE.SETREGSET, tracee.tid, NT_PRSTATUS, registerVector(p, regs).iov).must(why);
    p.sys.ptrace(PTRACE.SETSIGMASK, tracee.tid, 8, p.out(8).setU64(0, ALL_SIGNALS)).must(`block signals of thread ${tracee.tid}`);
    p.sys.ptrace(PTRACE.CONT, tracee.tid, 0, 0).must(why);
  }

  /** Every thread points at its rescue stub, then all signals are blocked. The main thread is there already. */
  private emitParkOthers(p: Program): void {
    for (const { tracee } of this.daemons.values()) {
      if (tracee === this.process.main) continue;
      this.emitPark(p, tracee);
      p.sys.ptrace(PTRACE.SETSIGMASK, tracee.tid, 8, p.out(8).setU64(0, ALL_SIGNALS)).must(`block signals of thread ${tracee.tid}`);
    }
  }

  /** Runs a job from outside and waits for it. Precondition: stepping. */
  step({ tracee, program }: RemoteJob): void {
    const { arena, thread } = this;
    const { block, syscallAt } = this.daemonOf(tracee);
    const mark = arena.mark;
    const status = stepProgram({ thread, tracee, syscallAt, arena, scratch: arena.alloc(16) }, program);
    arena.release(mark);
    arena.view.setBigInt64(block + THREAD_BLOCK.status, BigInt(status), true);
  }

  /** Emits the hand-over of a job and returns the sequence number that tells when it is done. */
  emitSubmit(p: Program, job: RemoteJob): number {
    const d = this.daemonOf(job.tracee);
    this.arena.view.setBigUint64(d.block + THREAD_BLOCK.program, BigInt(job.program.address), true);
    const goal = (this.arena.view.getUint32(d.block + THREAD_BLOCK.command, true) + 1) >>> 0;
    p.touchesView(this.arena).wake(this.localBlock(d) + THREAD_BLOCK.command, 1);
    return goal;
  }

  /** Emits a bounded wait for that sequence number. */
  emitWait(p: Program, tracee: Tracee, goal: number): void {
    const block = this.localBlock(this.daemonOf(tracee));
    p.touchesView(this.arena)
      .wait(block + THREAD_BLOCK.done, goal, POLL_NS)
      .ignore('finished jobs are told by their sequence number');
  }

  /** True when the daemon has finished everything handed over. */
  isDone(tracee: Tracee): boolean {
    const d = this.daemonOf(tracee);
    return this.arena.view.getUint32(d.block + THREAD_BLOCK.done, true) === this.arena.view.getUint32(d.block + THREAD_BLOCK.command, true);
  }

  /** vm_run's answer of the last job. */
  statusOf(tracee: Tracee): number {
    return Number(this.arena.view.getBigInt64(this.daemonOf(tracee).block + THREAD_BLOCK.status, true));
  }

  private daemonOf(tracee: Tracee): Daemon {
    const d = this.daemons.get(tracee);
    if (!d) throw new CrError('CR_INTERNAL', { message: `thread ${tracee.tid} has no daemon`, target: 'frozen' });
    return d;
  }
  private localBlock(d: Daemon): number {
    return Number(this.arena.mapping.addr) + d.block;
  }

  /**
   * Threads that must be stopped, the leader last (see awaitStops in freeze.ts). When starting or curing them failed half-way, some are in a stop from
   * which nobody let them go: they would not report another one.
   */
  running(): Tracee[] {
    if (this.daemons.size === 0 || this.stepping) return [];
    const { main, threads } = this.process;
    const all = [...threads.filter((t) => t !== main), main];
    return this.allRun ? all : all.filter((t) => readStat(this.thread.proc, t.pid, t.tid)?.state !== 't');
  }

  /** Arena bytes that the emitters of leaving need. */
  get leaveSize(): number {
    return 2048 + this.process.threads.length * 1792;
  }

  /** Emits: threads beside the main one, which stand still, get back what they had. */
  emitLeaveOthers(p: Program): void {
    for (const tracee of this.process.threads) {
      if (tracee === this.process.main) continue;
      if (!this.stepping) this.emitPark(p, tracee);
      this.emitRestore(p, tracee);
    }
  }

  /** Emits: the main thread gets back what it had. Nothing of the arena may be in use any more. */
  emitLeave(p: Program): void {
    this.emitRestore(p, this.process.main);
  }

  /** The tasks have left: the stub's place gets its bytes back. */
  left(): void {
    if (this.place) writeMemory(this.process.pid, this.place.addr, this.place.original);
    this.place = null;
    this.daemons.clear();
    this.unshare();
  }

  /** Nobody is to be interrupted twice. */
  stopping(): void {
    this.allRun = false;
  }

  /**
   * Out of the daemon, to the thread's own rescue stub, before signals may come in: if we die then, a handler runs on the stack of the task and comes back
   * to the stub. The daemon's stack has no room for a signal frame.
   */
  private emitPark(p: Program, tracee: Tracee): void {
    const { blob } = this.thread.native;
    const daemon = this.daemons.get(tracee);
    if (!daemon) return;
    const parked = tracee
      .registers!.clone()
      .set('rip', daemon.syscallAt + blob.stubRescue - blob.stubSyscall)
      .set('orig_rax', -1n);
    p.sys
      .ptrace(PTRACE.SETREGSET, tracee.tid, NT_PRSTATUS, registerVector(p, parked).iov)
      .must(`point thread ${tracee.tid} at its rescue stub`);
  }

  /** Mask first, registers last: until then the thread is in code that restores the mask itself. */
  private emitRestore(p: Program, tracee: Tracee): void {
    const rescue = this.rescueOf(tracee);
    const mask = p.out(8).setU64(0, rescue.mask);
    p.sys.ptrace(PTRACE.SETSIGMASK, tracee.tid, 8, mask).must(`give thread ${tracee.tid} its signal mask back`);
    p.sys
      .ptrace(PTRACE.SETREGSET, tracee.tid, NT_PRSTATUS, registerVector(p, rescue.registers).iov)
      .must(`give thread ${tracee.tid} its registers back`);
  }

  /** Drops our views of the arena (the target keeps or has lost its own). */
  unshare(): void {
    if (this.code?.mapping) this.thread.native.unmap(this.code.mapping.mapping);
    if (this.memory) {
      this.robust.remove(this.memory);
      this.thread.native.unmap(this.memory.mapping);
    }
    this.code = null;
    this.data = null;
    this.memory = null;
  }
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
