/**
 * Letting one thread of a stopped tree run for a while: driver threads in a process answer requests from outside only while they run, and everybody else
 * must stand still meanwhile.
 */
import { errnoName } from '../abi/errno.js';
import { PTRACE, PTRACE_O, WALL } from '../abi/ptrace.js';
import { CrError } from '../errors.js';
import type { KernelThread } from './kernel-thread.js';

/** Everything but SIGTRAP: a handler of the task must not run, and its signals stay queued. SIGKILL and SIGSTOP cannot be blocked. */
const SIGTRAP = 5;
const ALL_BUT_TRAP = 0xffff_ffff_ffff_ffffn & ~(1n << BigInt(SIGTRAP - 1));
const MASK_SIZE = 8;
const EVENT_STOP = 128;
const MAX_STOPS = 64;

function lost(pid: number, tid: number, call: string, errno: number): CrError {
  return new CrError('CR_TARGET_LOST', {
    message: 'ended while it ran for a plugin',
    subject: { pid, tid },
    kernel: { call, errno: errnoName(errno) },
    target: 'running',
  });
}

/** Blocks its signals and lets it run. Returns its mask. */
function letRun(thread: KernelThread, pid: number, tid: number): bigint {
  const { value, free } = thread.once('thread.run', 4096, (p) => {
    const old = p.out(MASK_SIZE);
    const get = p.sys.ptrace(PTRACE.GETSIGMASK, tid, MASK_SIZE, old).ignore('checked below');
    p.sys
      .ptrace(PTRACE.SETSIGMASK, tid, MASK_SIZE, p.out(MASK_SIZE).setU64(0, ALL_BUT_TRAP))
      .ignore('a dead thread shows in the first call');
    return { old, get, run: p.sys.ptrace(PTRACE.CONT, tid, 0, 0).ignore('checked below') };
  });
  const [mask, get, run] = [value.old.u64(), value.get.result, value.run.result];
  free();
  if (get < 0) throw lost(pid, tid, `ptrace(PTRACE_GETSIGMASK, ${tid})`, -get);
  if (run < 0) throw lost(pid, tid, `ptrace(PTRACE_CONT, ${tid})`, -run);
  return mask;
}

/** Stops it again, in the stop that PTRACE_INTERRUPT makes, and gives it its mask back. */
function stop(thread: KernelThread, pid: number, tid: number, mask: bigint): void {
  const first = thread.once('thread.stop', 4096, (p) => {
    const asked = p.sys.ptrace(PTRACE.INTERRUPT, tid, 0, 0).ignore('checked below');
    const status = p.out(8);
    return { asked, status, wait: p.sys.wait4(tid, status, WALL, 0).ignore('checked below') };
  });
  let status = first.value.status.u32();
  const [asked, wait] = [first.value.asked.result, first.value.wait.result];
  first.free();
  if (asked < 0) throw lost(pid, tid, `ptrace(PTRACE_INTERRUPT, ${tid})`, -asked);
  if (wait < 0) throw lost(pid, tid, `wait4(${tid})`, -wait);
  // A trap of its own may come first; the interrupt's stop follows.
  for (let i = 0; i < MAX_STOPS && status >> 16 !== EVENT_STOP; i++) {
    if ((status & 0xff) !== 0x7f) throw lost(pid, tid, `wait4(${tid})`, 3);
    const signal = (status >> 8) & 0xff;
    const next = thread.once('thread.settle', 4096, (p) => {
      const at = p.out(8);
      p.sys.ptrace(PTRACE.CONT, tid, 0, signal).ignore('a dead thread shows in wait4');
      return { at, wait: p.sys.wait4(tid, at, WALL, 0).ignore('checked below') };
    });
    status = next.value.at.u32();
    const result = next.value.wait.result;
    next.free();
    if (result < 0) throw lost(pid, tid, `wait4(${tid})`, -result);
  }
  const { free } = thread.once('thread.mask', 4096, (p) => {
    p.sys.ptrace(PTRACE.SETSIGMASK, tid, MASK_SIZE, p.out(MASK_SIZE).setU64(0, mask)).must(`give thread ${tid} its signal mask back`);
  });
  free();
}

/** A thread with a seccomp filter answers again only without PTRACE_O_SUSPEND_SECCOMP, which nobody here sets. */
export const RUN_OPTIONS = PTRACE_O.TRACESYSGOOD;

/**
 * Lets a stopped thread run while `body` works, and stops it again whatever comes of that.
 * Precondition: `thread` traces it (PTRACE_SEIZE), and it is in a ptrace stop. @throws CrError CR_TARGET_LOST when it ended, or what `body` throws
 */
export async function runThread<T>(thread: KernelThread, pid: number, tid: number, body: () => Promise<T>): Promise<T> {
  const mask = letRun(thread, pid, tid);
  let result: T;
  try {
    result = await body();
  } catch (error) {
    try {
      stop(thread, pid, tid, mask);
    } catch {
      // The first error is the one that explains.
    }
    throw error;
  }
  stop(thread, pid, tid, mask);
  return result;
}
