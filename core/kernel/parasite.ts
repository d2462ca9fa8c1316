/**
 * The parasite: an arena shared with a frozen process and a daemon in each of its threads. Order (every step leaves the task able to heal itself):
 *  1. the stub with the leader's registers goes into vDSO padding; 2. registers point to the stub, 3. then the mask blocks everything (the other
 *  order would leave all signals blocked if we died between); 4. two remote mmaps; 5. threads start in the blob.
 * No descriptor of the target is used, so it works at RLIMIT_NOFILE too.
 */
import { closeSync, openSync } from 'node:fs';
import { NT_PRSTATUS, PTRACE, type Registers } from '../abi/ptrace.js';
import { errnoName } from '../abi/errno.js';
import { CrError } from '../errors.js';
import { Arena } from '../program/arena.js';
import { THREAD_BLOCK, THREAD_BLOCK_SIZE } from '../program/isa.js';
import type { Program } from '../program/program.js';
import type { KernelThread } from './kernel-thread.js';
import { readStat } from './procfs/stat.js';
import { AWAIT_STOP_SIZE, emitAwaitStop, emitRemoteCall, registerVector, remoteResult, REMOTE_CALL_SIZE } from './remote-call.js';
import { resumeRegisters } from './restart.js';
import { ARENA_HEAD, type RobustList } from './robust-list.js';
import { findStubPlace, stubBytes, stubSlotSize, writeMemory, type StubCandidate, type StubPlace } from './stub.js';
import { stepProgram } from './stepper.js';
import type { TracedProcess, Tracee } from './tracee.js';

const PAGE = 4096;
const THREAD_STACK = 1536;
const ALL_SIGNALS = 0xffffffffffffffffn;
const PROT_RX = 5;
const PROT_RW = 3;
const MAP_SHARED_ANON = 0x21;
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
  private code: { addr: number; size: number; mapping: Arena } | null = null;
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
    const data = this.memory ? [{ start: this.memory.base, end: this.memory.base + this.memory.size }] : [];
    return [...code, ...data];
  }

  /** Where the stub went, and the vDSO bytes it covers. */
  get stub(): StubPlace | null {
    return this.place;
  }

  /**
   * Maps the arena and starts a daemon in every thread. Precondition: all threads are stopped and their registers and masks are read.
   * @param maps the target's mappings
   */
  infect(maps: readonly StubCandidate[]): void {
    const main = this.process.main;
    const { blob } = this.thread.native;
    this.place = findStubPlace(blob, this.process, maps);
    writeMemory(this.process.pid, this.place.addr, stubBytes(blob, this.rescueOf(main)));
    this.mapArena(main);
    this.placeThreads();
    if (this.stepping) this.park();
    else this.start();
  }

  private rescueOf(tracee: Tracee): {
    registers: Registers;
    mask: bigint;
    code?: { addr: number; size: number };
    data?: { addr: number; size: number };
  } {
    if (!tracee.registers) throw new CrError('CR_INTERNAL', { message: `registers of ${tracee.tid} were not read`, target: 'frozen' });
    const registers = resumeRegisters(tracee.registers, { signalPending: tracee.signalPending, sameTask: true });
    const maps = this.code && this.memory ? { code: this.code, data: { addr: this.memory.base, size: this.memory.size } } : {};
    return { registers, mask: tracee.mask, ...maps };
  }

  private get syscallAt(): number {
    const { blob } = this.thread.native;
    return (this.place?.addr ?? 0) + blob.stubSyscall - blob.stubBegin;
  }
  private get rescueAt(): number {
    const { blob } = this.thread.native;
    return (this.place?.addr ?? 0) + blob.stubRescue - blob.stubBegin;
  }

  private mapArena(main: Tracee): void {
    const { blob } = this.thread.native;
    const codeSize = Math.ceil((roundUp(blob.code.length, 64) + this.process.threads.length * stubSlotSize(blob)) / PAGE) * PAGE;
    const dataSize =
      Math.ceil((this.arenaSize + ARENA_HEAD.size + this.process.threads.length * (THREAD_BLOCK_SIZE + THREAD_STACK)) / PAGE) * PAGE;
    const base = main.registers!;
    const { value, free } = this.thread.once(
      'parasite.map',
      4 * REMOTE_CALL_SIZE,
      (p) => {
        const parked = registerVector(p, base.clone().set('rip', this.rescueAt).set('orig_rax', -1n));
        const mask = p.out(8).setU64(0, ALL_SIGNALS);
        p.sys.ptrace(PTRACE.SETREGSET, main.tid, NT_PRSTATUS, parked.iov).must('point the task at its rescue stub');
        p.sys.ptrace(PTRACE.SETSIGMASK, main.tid, 8, mask).must('block signals of the task');
        const map = (size: number, prot: number) =>
          emitRemoteCall(p, main.tid, this.syscallAt, base, {
            name: 'mmap',
            args: [0, size, prot, MAP_SHARED_ANON, -1n, 0],
            why: 'map the arena',
          });
        return { code: map(codeSize, PROT_RX), data: map(dataSize, PROT_RW) };
      },
      { subject: { pid: this.process.pid }, target: 'running' },
    );
    const code = remoteResult(value.code);
    const data = remoteResult(value.data);
    free();
    this.code = { addr: this.checkMap(code, codeSize), size: codeSize, mapping: this.share(code, codeSize, 0) };
    this.memory = this.share(this.checkMap(data, dataSize), dataSize, ARENA_HEAD.size);
    this.robust.add(this.memory);
  }

  private checkMap(addr: number, size: number): number {
    if (addr > 0) return addr;
    throw new CrError('CR_REMOTE', {
      message: `no room for ${size} bytes in the address space`,
      subject: { pid: this.process.pid },
      kernel: { call: `mmap(NULL, ${size}, ..., MAP_SHARED|MAP_ANONYMOUS)`, errno: errnoName(-addr) },
      hint: 'Raise RLIMIT_AS of the process or free memory.',
      target: 'running',
    });
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
  private placeThreads(): void {
    const { blob } = this.thread.native;
    const code = this.code!;
    code.mapping.bytes.set(blob.code, 0);
    const slotSize = stubSlotSize(blob);
    const slots = roundUp(blob.code.length, 64);
    const { main } = this.process;
    const single = this.process.threads.length === 1;
    this.process.threads.forEach((tracee, i) => {
      const isMain = tracee === main;
      const slot = slots + i * slotSize;
      code.mapping.bytes.set(stubBytes(blob, this.rescueOf(tracee)), slot);
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
    writeMemory(this.process.pid, this.place!.addr, stubBytes(blob, this.rescueOf(this.process.main)));
  }

  private start(): void {
    const { blob } = this.thread.native;
    const { free } = this.thread.once(
      'parasite.start',
      4096 + this.daemons.size * 640,
      (p) => {
        const mask = p.out(8).setU64(0, ALL_SIGNALS);
        for (const d of this.daemons.values()) {
          const regs = d.tracee
            .registers!.clone()
            .set('rip', this.code!.addr + blob.entry)
            .set('rsp', d.stackTop)
            .set('orig_rax', -1n);
          regs.set('rdi', this.arena.addr(d.block)).set('eflags', 0x202);
          p.sys.ptrace(PTRACE.SETREGSET, d.tracee.tid, NT_PRSTATUS, registerVector(p, regs).iov).must('start the daemon');
          p.sys.ptrace(PTRACE.SETSIGMASK, d.tracee.tid, 8, mask).must('block signals of the task');
          p.sys.ptrace(PTRACE.CONT, d.tracee.tid, 0, 0).must('start the daemon');
        }
      },
      { subject: { pid: this.process.pid }, target: 'running' },
    );
    free();
    this.allRun = true;
  }

  /** For stepping: every thread points at its rescue stub, then all signals are blocked. The main thread is there already. */
  private park(): void {
    const { blob } = this.thread.native;
    const toRescue = blob.stubRescue - blob.stubSyscall;
    const others = [...this.daemons.values()].filter((d) => d.tracee !== this.process.main);
    const { free } = this.thread.once(
      'parasite.park',
      4096 + others.length * 640,
      (p) => {
        const mask = p.out(8).setU64(0, ALL_SIGNALS);
        for (const { tracee, syscallAt } of others) {
          const parked = tracee
            .registers!.clone()
            .set('rip', syscallAt + toRescue)
            .set('orig_rax', -1n);
          p.sys
            .ptrace(PTRACE.SETREGSET, tracee.tid, NT_PRSTATUS, registerVector(p, parked).iov)
            .must('point the thread at its rescue stub');
          p.sys.ptrace(PTRACE.SETSIGMASK, tracee.tid, 8, mask).must('block signals of the task');
        }
      },
      { subject: { pid: this.process.pid }, target: 'running' },
    );
    free();
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
   * Stops the daemons, puts every thread back to where it was, and unmaps the arena. Afterwards all threads are stopped with their own registers:
   * detaching (or dying) lets them run on as if nothing had been.
   */
  cure(): void {
    if (!this.place) return;
    const main = this.process.main;
    const running = this.running();
    this.allRun = false;
    const { free } = this.thread.once(
      'parasite.cure',
      8192 + 4 * REMOTE_CALL_SIZE + this.process.threads.length * (1792 + AWAIT_STOP_SIZE),
      (p) => {
        for (const t of running) p.sys.ptrace(PTRACE.INTERRUPT, t.tid, 0, 0).must('stop the daemon');
        for (const t of running) emitAwaitStop(p, t.tid, 'wait for the daemon to stop');
        for (const t of this.process.threads) {
          if (t === main) continue;
          if (!this.stepping) this.emitPark(p, t);
          this.emitRestore(p, t);
        }
        for (const range of this.ranges)
          emitRemoteCall(p, main.tid, this.syscallAt, main.registers!, {
            name: 'munmap',
            args: [range.start, range.end - range.start],
            why: 'unmap the arena',
          });
        this.emitRestore(p, main);
      },
      { subject: { pid: this.process.pid }, target: 'running' },
    );
    free();
    writeMemory(this.process.pid, this.place.addr, this.place.original);
    this.place = null;
    this.daemons.clear();
    this.unshare();
  }

  /**
   * Threads that must be stopped, the leader last (see awaitStops in freeze.ts). When starting or curing them failed half-way, some are in a stop from
   * which nobody let them go: they would not report another one.
   */
  private running(): Tracee[] {
    if (this.daemons.size === 0 || this.stepping) return [];
    const { main, threads } = this.process;
    const all = [...threads.filter((t) => t !== main), main];
    return this.allRun ? all : all.filter((t) => readStat(this.thread.proc, t.pid, t.tid)?.state !== 't');
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
    p.sys.ptrace(PTRACE.SETREGSET, tracee.tid, NT_PRSTATUS, registerVector(p, parked).iov).must('point the thread at its rescue stub');
  }

  /** Mask first, registers last: until then the thread is in code that restores the mask itself. */
  private emitRestore(p: Program, tracee: Tracee): void {
    const rescue = this.rescueOf(tracee);
    const mask = p.out(8).setU64(0, rescue.mask);
    p.sys.ptrace(PTRACE.SETSIGMASK, tracee.tid, 8, mask).must('give the task its signal mask back');
    p.sys
      .ptrace(PTRACE.SETREGSET, tracee.tid, NT_PRSTATUS, registerVector(p, rescue.registers).iov)
      .must('give the task its registers back');
  }

  /** Drops our views of the arena (the target keeps or has lost its own). */
  unshare(): void {
    if (this.code) this.thread.native.unmap(this.code.mapping.mapping);
    if (this.memory) {
      this.robust.remove(this.memory);
      this.thread.native.unmap(this.memory.mapping);
    }
    this.code = null;
    this.memory = null;
  }
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
