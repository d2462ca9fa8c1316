/** The parasite: an arena shared with a frozen process and a daemon in each of its threads. It comes by infect.ts and goes by cure.ts. */
import { PTRACE } from '../abi/ptrace.js';
import type { Registers, RescueData } from '../arch/arch.js';
import { arch } from '../arch/current.js';
import { CrError } from '../errors.js';
import type { Arena } from '../program/arena.js';
import type { Program } from '../program/program.js';
import { DAEMON_SIZE, START_SIZE, emitBlockSignals, emitStartDaemon, makeDaemon, setStatus, statusOf, type Daemon } from './daemon.js';
import type { KernelThread } from './kernel-thread.js';
import { readStat } from './procfs/stat.js';
import { emitSetRegisters } from './registers.js';
import type { RemoteCall, RemoteCaller } from './remote-call.js';
import { ARENA_HEAD, type RobustList } from './robust-list.js';
import { shareArena } from './shared-arena.js';
import { stubBytes, stubSlotSize, writeMemory, type StubPlace } from './stub.js';
import { stepProgram } from './stepper.js';
import type { TracedProcess, Tracee } from './tracee.js';

const PAGE = 4096;

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
  /** Registers with which threads go on: asked for when they get a stub, and when they leave. */
  private readonly back = new Map<Tracee, Registers>();
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
  private rescueOf(tracee: Tracee): RescueData {
    if (!tracee.registers) throw new CrError('CR_INTERNAL', { message: `registers of ${tracee.tid} were not read`, target: 'frozen' });
    let registers = this.back.get(tracee);
    if (!registers) {
      registers = arch.resumed(tracee.registers, { signalPending: tracee.signalPending, sameTask: true });
      this.back.set(tracee, registers);
    }
    const maps = this.code && this.data ? { code: this.code, data: this.data } : {};
    return { registers, mask: tracee.mask, ...maps };
  }

  /** Address of the system call instruction of the main thread's rescue stub. */
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
    return { code, data: roundUp(this.arenaSize + ARENA_HEAD.size + length * DAEMON_SIZE, PAGE) };
  }

  /** Emits: the main thread stands at its rescue stub, then nothing interrupts it. */
  emitToStub(p: Program): void {
    const { tid, registers } = this.process.main;
    emitSetRegisters(p, tid, arch.parkedAt(registers!, this.rescueAt), `point task ${tid} at its rescue stub`);
    emitBlockSignals(p, tid, 'task');
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

  /** Fills in blob, stub slots and thread blocks. */
  placeThreads(): void {
    const { native } = this.thread;
    const { blob } = native;
    const code = this.code!;
    const mapping = shareArena(native, this.process.pid, code, 0);
    code.mapping = mapping;
    this.memory = shareArena(native, this.process.pid, this.data!, ARENA_HEAD.size);
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
      // A single thread unmaps the arena on its way out (from the vDSO); with more threads the mapping stays, because nobody knows when the
      // last one has left it. It is harmless.
      const vdsoExit = this.place!.addr + (single ? blob.stubUnmap : blob.stubRescue) - blob.stubBegin;
      const place = {
        syscallAt: isMain ? this.syscallAt : code.addr + slot + blob.stubSyscall - blob.stubBegin,
        watch: this.arena.addr(isMain ? ARENA_HEAD.word : ARENA_HEAD.death),
        death: isMain ? this.arena.addr(ARENA_HEAD.death) : 0,
        onDeath: isMain ? vdsoExit : code.addr + slot + blob.stubRescue - blob.stubBegin,
      };
      this.daemons.set(tracee, makeDaemon(this.arena, tracee, place));
    });
    // The vDSO stub learns what to unmap, now that it exists.
    this.writeStub();
  }

  /** Arena bytes that emitStart() needs. */
  get startSize(): number {
    return this.daemons.size * START_SIZE;
  }

  /** Emits the start of all daemons; when stepping, every thread merely stands at its rescue stub. */
  emitStart(p: Program): void {
    this.emitParkOthers(p);
    if (this.stepping) return;
    for (const daemon of this.daemons.values()) emitStartDaemon(p, this.arena, daemon, this.code!.addr + this.thread.native.blob.entry);
  }

  /** The program of emitStart() has ended well. */
  started(): void {
    this.allRun = !this.stepping;
  }

  /** Every thread points at its rescue stub, then all signals are blocked. The main thread is there already. */
  private emitParkOthers(p: Program): void {
    for (const { tracee } of this.daemons.values()) {
      if (tracee === this.process.main) continue;
      this.emitPark(p, tracee);
      emitBlockSignals(p, tracee.tid, 'thread');
    }
  }

  /** Runs a job from outside and waits for it. Precondition: stepping. */
  step({ tracee, program }: RemoteJob): void {
    const { arena, thread } = this;
    const daemon = this.daemonOf(tracee);
    const mark = arena.mark;
    const status = stepProgram({ thread, tracee, syscallAt: daemon.syscallAt, arena, scratch: arena.alloc(16) }, program);
    arena.release(mark);
    setStatus(arena, daemon, status);
  }

  /** vm_run's answer of the last job. */
  statusOf(tracee: Tracee): number {
    return statusOf(this.arena, this.daemonOf(tracee));
  }

  daemonOf(tracee: Tracee): Daemon {
    const d = this.daemons.get(tracee);
    if (!d) throw new CrError('CR_INTERNAL', { message: `thread ${tracee.tid} has no daemon`, target: 'frozen' });
    return d;
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
    const rescueAt = daemon.syscallAt + blob.stubRescue - blob.stubSyscall;
    emitSetRegisters(p, tracee.tid, arch.parkedAt(tracee.registers!, rescueAt), `point thread ${tracee.tid} at its rescue stub`);
  }

  /** Mask first, registers last: until then the thread is in code that restores the mask itself. */
  private emitRestore(p: Program, tracee: Tracee): void {
    const rescue = this.rescueOf(tracee);
    const mask = p.out(8).setU64(0, rescue.mask);
    p.sys.ptrace(PTRACE.SETSIGMASK, tracee.tid, 8, mask).must(`give thread ${tracee.tid} its signal mask back`);
    emitSetRegisters(p, tracee.tid, rescue.registers, `give thread ${tracee.tid} its registers back`);
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
