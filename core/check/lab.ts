/**
 * Where probes run: every probe is a program in a process of its own, forked from us, with its own mounts, network or whatever it asks for. It may
 * break its memory, mount over /tmp or change its ids; when it ends, the kernel takes everything back. Nothing of ours is touched.
 */
import { closeSync } from 'node:fs';
import { WALL } from '../abi/ptrace.js';
import { CrError } from '../errors.js';
import { KernelThread } from '../kernel/kernel-thread.js';
import { LocalCalls } from '../kernel/local.js';
import type { Mapping } from '../kernel/native.js';
import { Arena } from '../program/arena.js';
import { Program, type Ptr } from '../program/program.js';

/** clone(2) flags that probes ask for. */
export const NS = {
  time: 0x80,
  mount: 0x20000,
  cgroup: 0x2000000,
  uts: 0x4000000,
  ipc: 0x8000000,
  user: 0x10000000,
  pid: 0x20000000,
  net: 0x40000000,
} as const;

/** clone3 only: handlers become the defaults, so that SIGALRM ends a probe that hangs. */
const CLONE_CLEAR_SIGHAND = 0x100000000n;
const ARENA_SIZE = 512 * 1024;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const SIGALRM = 14;
const SIG_UNBLOCK = 1;
const ITIMER_REAL = 0;
/** Far longer than any probe needs; a probe that hangs is a missing feature, not a hanging command. */
const PROBE_SECONDS = 5;

/** What a probe found out: `detail` says what was tried and what the kernel answered. */
export interface Finding {
  readonly supported: boolean;
  readonly detail: string;
}

/** Looks at the results after the program ran. */
export type Judge = () => Finding;

export const works = (detail: string): Finding => ({ supported: true, detail });
export const lacks = (detail: string): Finding => ({ supported: false, detail });
export const judge = (ok: boolean, good: string, bad: string): Finding => (ok ? works(good) : lacks(bad));

/** How the child ended: its wait status (wait(2)). */
function endText(status: number): string {
  const signal = status & 0x7f;
  if (signal === SIGALRM) return `the probe did not end within ${PROBE_SECONDS} s`;
  return signal !== 0 ? `the probe was killed by signal ${signal}` : `the probe ended with status ${status >> 8}`;
}

/** EPERM of a clone says nothing to a user: what is denied is the namespaces that the probe asks for. */
const deniedNamespaces = (error: unknown, flags: number): boolean =>
  flags !== 0 && (flags & NS.user) === 0 && error instanceof CrError && error.kernel?.errno === 'EPERM';

/** The reason of an error in one line. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof CrError)) return error instanceof Error ? error.message : String(error);
  return error.kernel === undefined ? error.message : `${error.message}: ${error.kernel.call} = ${error.kernel.errno}`;
}

export class Lab {
  readonly thread = new KernelThread();
  readonly calls = new LocalCalls();

  close(): void {
    this.calls.close();
    this.thread.close();
  }

  /**
   * Runs a program in a new process. A `must` call that fails, a signal and a hang are "not supported", with the call in the detail.
   * @param flags NS.* namespaces of its own
   * @param emit adds the calls and returns what judges their results
   */
  inProcess(name: string, flags: number, emit: (p: Program) => Judge): Finding {
    return this.withShared((arena) => {
      const program = this.childProgram(name, arena);
      const judged = emit(program);
      program.sys.exit_group(0).ignore('does not return');
      program.end();
      let pid: number;
      try {
        pid = this.fork(program, flags);
      } catch (error) {
        if (!deniedNamespaces(error, flags)) throw error;
        return lacks(`${reasonOf(error)}: namespaces of its own for the probe need CAP_SYS_ADMIN: run as root`);
      }
      const status = this.waitFor(pid);
      if (status === 0) return judged();
      const failed = program.firstFailure();
      return lacks(failed === null ? endText(status) : reasonOf(failed));
    });
  }

  /**
   * A child that is seized and stopped while `emit` adds the calls of its tracer. `prepare` adds what the child does first; then it sleeps in short
   * calls until it is killed.
   */
  traced(name: string, prepare: (p: Program) => void, emit: (p: Program, pid: number) => Judge): Finding {
    return this.withShared((arena) => {
      const program = this.childProgram(name, arena);
      const ready = program.out(8);
      prepare(program);
      program.wake(ready, 1);
      parkHere(program);
      program.end();
      const pid = this.fork(program, 0);
      try {
        return this.trace(name, pid, ready, emit, program);
      } finally {
        this.kill(pid);
      }
    });
  }

  /** Runs calls in our own process, on the kernel thread; only for calls that leave nothing behind. */
  here(name: string, emit: (p: Program) => Judge): Finding {
    const { value, free } = this.thread.once(`check.${name}`, 16384, emit);
    try {
      return value();
    } finally {
      free();
    }
  }

  private trace(name: string, pid: number, ready: Ptr, emit: (p: Program, pid: number) => Judge, child: Program): Finding {
    const waited = this.thread.once(`check.${name}.ready`, 8192, (p) =>
      p.touches(ready.addr, ready.size).wait(ready.addr, 1, 2e9).ignore('checked below'),
    );
    waited.free();
    if (ready.u32() === 0) {
      const failed = child.firstFailure();
      return lacks(failed === null ? 'the child did not get ready' : reasonOf(failed));
    }
    return this.here(`${name}.trace`, (p) => {
      const status = p.out(8);
      p.sys.ptrace(PTRACE_SEIZE, pid, 0, 0).must('trace a child');
      p.sys.ptrace(PTRACE_INTERRUPT, pid, 0, 0).must('stop the child');
      p.sys.wait4(pid, status, WALL, 0).must('wait for the stop');
      return emit(p, pid);
    });
  }

  private childProgram(name: string, arena: Arena): Program {
    const p = new Program(`check.${name}`, arena);
    p.sys.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0).must('end with criu-ts');
    p.sys.rt_sigprocmask(SIG_UNBLOCK, p.out(8).setU64(0, 1n << BigInt(SIGALRM - 1)), 0, 8).must('let the alarm through');
    p.sys.setitimer(ITIMER_REAL, p.struct('itimerval', { 'it_value.tv_sec': PROBE_SECONDS }), 0).must('set an alarm');
    return p;
  }

  /** The child sees the arena, because it is shared memory; everything else it has is a copy. */
  private withShared(work: (arena: Arena) => Finding): Finding {
    const fd = this.calls.must({ why: 'make shared memory for a probe' }, 'memfd_create', this.calls.text(Buffer.from('check')), 1);
    let mapping: Mapping;
    try {
      this.calls.must({ why: 'size the shared memory of a probe' }, 'ftruncate', fd, ARENA_SIZE);
      mapping = this.thread.native.mapFd(fd, ARENA_SIZE, 0);
    } finally {
      closeSync(fd);
    }
    try {
      return work(new Arena(mapping, Number(mapping.addr)));
    } finally {
      this.thread.native.unmap(mapping);
    }
  }

  /** No exit signal: node must not see a SIGCHLD of a child that it does not know. */
  private fork(program: Program, flags: number): number {
    const { value, free } = this.thread.once('check.fork', 8192, (p) => {
      const args = p.struct('clone_args', { flags: CLONE_CLEAR_SIGHAND | BigInt(flags) });
      return p.touchesView(program.arena).spawnProgram(args, program.address).must(`start a process for ${program.name}`);
    });
    const pid = value.result;
    free();
    return pid;
  }

  private waitFor(pid: number): number {
    const { value, free } = this.thread.once('check.wait', 8192, (p) => {
      const status = p.out(8);
      p.sys.wait4(pid, status, WALL, 0).must('wait for a probe');
      return status;
    });
    const status = value.u32();
    free();
    return status;
  }

  private kill(pid: number): void {
    this.here('kill', (p) => {
      p.sys.kill(pid, SIGKILL).ignore('ended already');
      p.sys.wait4(pid, 0, WALL, 0).ignore('reaped already');
      return () => works('');
    });
  }
}

const PTRACE_SEIZE = 0x4206;
const PTRACE_INTERRUPT = 0x4207;

/** Sleeps 2 ms at a time, for 2 s: the tracer is done long before that, and a breakpoint behind the call is passed again and again. */
function parkHere(p: Program): void {
  const pause = p.struct('timespec', { tv_nsec: 2_000_000 });
  const zero = p.out(8);
  const call = p.sys.nanosleep(pause, 0).ignore('interrupted by the tracer');
  p.retry(zero.word32(), 0xffffffff, 0, call.index, 1000, 'wait for the tracer');
}
