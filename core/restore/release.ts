/**
 * The last step: seeds become the tasks. Every thread is seized with EXITKILL (if we die now, nothing half-made is left), the arena is unmapped by
 * a remote call at a `syscall` instruction of the vDSO, registers are set, and the threads are let go.
 */
import { PTRACE, PTRACE_O } from '../abi/ptrace.js';
import { arch } from '../arch/current.js';
import { CrError } from '../errors.js';
import { seizeThreads } from '../kernel/freeze.js';
import { loadNative } from '../kernel/native.js';
import { readMaps } from '../kernel/procfs/maps.js';
import { emitGetRegisters, emitSetRegisters, emitSetRegset, registersAt } from '../kernel/registers.js';
import { emitRemoteCalls, remoteResult, REMOTE_CALL_SIZE } from '../kernel/remote-call.js';
import { readMemory } from '../kernel/stub.js';
import { Tracee } from '../kernel/tracee.js';
import { waitForState } from '../kernel/wait-state.js';
import type { Range } from '../resources/memory/ranges.js';
import { TASK_STATE } from '../resources/task-parts.js';
import type { RestoreRun, RestoreTask, RestoreThread } from './model.js';

const BATCH = 256;
/** As many as can be, in one program: nothing else may come between. */
const COMMIT_BATCH = 65536;
const SIGSTOP = 19;
const MAX_CODE = 64 * 1024 * 1024;

/** A thread of the tree, held by us. */
export interface Held {
  readonly thread: RestoreThread;
  readonly tracee: Tracee;
}

/**
 * Seizes all threads, unmaps the arena and sets registers. Afterwards every thread is stopped as the task that it was.
 * @param syscallAt address of a `syscall` instruction in the vDSO of a task; null when it has no vDSO
 */
export function holdAll(run: RestoreRun, arena: Range, syscallAt: (task: RestoreTask) => number | null): Held[] {
  // The root last, with all its threads (killing one kills them all): it is who tells the others that we have died (seed-arena.ts). Killed with us
  // before they are held, it could not.
  const [root, ...others] = run.tasks;
  const threads = [...others, root!].flatMap((task) => task.threads);
  const held: Held[] = [];
  for (let i = 0; i < threads.length; i += BATCH) held.push(...seizeBatch(run, threads.slice(i, i + BATCH)));
  const live = run.tasks.filter((task) => task.threads.length > 0);
  for (let i = 0; i < live.length; i += BATCH) unmapArena(run, live.slice(i, i + BATCH), arena, syscallAt);
  for (let i = 0; i < held.length; i += BATCH) setRegisters(run, held.slice(i, i + BATCH));
  return held;
}

function seizeBatch(run: RestoreRun, threads: readonly RestoreThread[]): Held[] {
  const wanted = threads.map((thread) => new Tracee(thread.task.pid, thread.tid));
  const alive = seizeThreads(run.thread, wanted, { ptraceOptions: PTRACE_O.EXITKILL });
  if (alive.length < wanted.length) {
    const lost = wanted.find((tracee) => !alive.includes(tracee))!;
    throw new CrError('CR_RESTORE', {
      message: 'ended while it was being restored',
      subject: { pid: lost.pid, tid: lost.tid },
      target: 'destroyed',
    });
  }
  return threads.map((thread, i) => ({ thread, tracee: wanted[i]! }));
}

/** Once a process: all its threads share the mapping. */
function unmapArena(run: RestoreRun, tasks: readonly RestoreTask[], arena: Range, syscallAt: (task: RestoreTask) => number | null): void {
  const { value, free } = run.thread.once('release.registers', 4096 + tasks.length * 512, (p) =>
    tasks.map(({ pid }) => emitGetRegisters(p, pid, 'read the registers of a seed')),
  );
  const call = { name: 'munmap', args: [arena.start, arena.end - arena.start], why: 'unmap the arena' } as const;
  const callers = tasks.map((task, i) => ({
    tid: task.pid,
    at: syscallAt(task) ?? findSyscall(run, task),
    base: registersAt(value[i]!),
    call,
  }));
  free();
  const after = run.thread.once('release.unmap', 4096 + tasks.length * REMOTE_CALL_SIZE, (p) => emitRemoteCalls(p, callers));
  const results = after.value.map(remoteResult);
  after.free();
  const bad = results.findIndex((result) => result !== 0);
  if (bad < 0) return;
  throw new CrError('CR_RESTORE', {
    message: `the arena could not be unmapped (${results[bad]})`,
    subject: { pid: tasks[bad]!.pid },
    target: 'destroyed',
  });
}

/** Any `syscall` instruction outside the arena will do; a task without vDSO has one in its own code. */
function findSyscall(run: RestoreRun, task: RestoreTask): number {
  const PROT_EXEC = 4;
  const maps = (readMaps(run.thread.proc, task.pid) ?? []).filter(
    (vma) => (vma.prot & PROT_EXEC) !== 0 && vma.kind !== 'vsyscall' && vma.kind !== 'memfd',
  );
  for (const vma of maps) {
    const found = arch.findSyscall(readMemory(task.pid, vma.start, Math.min(vma.end - vma.start, MAX_CODE)));
    if (found >= 0) return vma.start + found;
  }
  throw new CrError('CR_UNSUPPORTED', {
    message: 'has no vDSO and no `syscall` instruction in its memory, so its restorer cannot be removed',
    subject: { pid: task.pid },
    target: 'destroyed',
  });
}

function setRegisters(run: RestoreRun, held: readonly Held[]): void {
  const { free } = run.thread.once('release.set', 16384 + held.length * 16384, (p) => {
    for (const { thread } of held) {
      const extended = arch.images.extendedOf(thread.core, loadNative);
      for (let i = 0; i < extended.length; i++) {
        const why = `set the extended state of task ${thread.tid}`;
        emitSetRegset(p, thread.tid, arch.extended[i]!.note, p.data(extended[i]!, 64), why);
      }
      const mask = p.out(8).setU64(0, maskOf(thread));
      p.sys.ptrace(PTRACE.SETSIGMASK, thread.tid, 8, mask).must(`set the signal mask of task ${thread.tid}`);
      // In no call: that which the seed was in must not be restarted with the task's registers.
      emitSetRegisters(p, thread.tid, arch.images.registersOf(thread.core), `set the registers of task ${thread.tid}`);
      for (const resource of run.hooks.resources) resource.release?.(p, thread, run);
    }
  });
  free();
}

function maskOf(thread: RestoreThread): bigint {
  return thread.core.thread_core?.blk_sigset ?? thread.core.tc?.blk_sigset ?? thread.task.core?.tc?.blk_sigset ?? 0n;
}

/**
 * From here on the death of ours lets the tree run instead of ending it. The kernel has no call for all threads at once: who kills us in the microseconds
 * between the first and the last leaves the tasks of which the option was gone.
 */
function commit(run: RestoreRun, held: readonly Held[]): void {
  for (let i = 0; i < held.length; i += COMMIT_BATCH) {
    const batch = held.slice(i, i + COMMIT_BATCH);
    const { free } = run.thread.once('release.commit', 4096 + batch.length * 64, (p) => {
      for (const { thread } of batch) p.sys.ptrace(PTRACE.SETOPTIONS, thread.tid, 0, 0).must(`let task ${thread.tid} live without us`);
    });
    free();
  }
}

/** Lets the tree run. A task that was in job-control stop gets its stop signal first, so it stops again before its first instruction. */
export function releaseAll(run: RestoreRun, held: readonly Held[]): void {
  commit(run, held);
  for (let i = 0; i < held.length; i += BATCH) {
    const batch = held.slice(i, i + BATCH);
    const { free } = run.thread.once('release.detach', 8192 + batch.length * 192, (p) => {
      for (const { thread } of batch) {
        const stop = thread.isLeader ? stopSignal(run, thread.task) : 0;
        if (stop !== 0) p.sys.kill(thread.task.pid, stop).must('stop the task again');
      }
      for (const { thread } of batch) p.sys.ptrace(PTRACE.DETACH, thread.tid, 0, 0).must(`let task ${thread.tid} go`);
    });
    free();
  }
  for (const { thread } of held)
    if (thread.isLeader && stopSignal(run, thread.task) !== 0) waitForState(run.thread.proc, thread.task.pid, ['T', 'Z', 'X', '']);
}

function stopSignal(run: RestoreRun, task: RestoreTask): number {
  if (run.options.leaveStopped) return SIGSTOP;
  const core = task.core?.tc;
  return core?.task_state === TASK_STATE.stopped ? (core.stop_signo ?? SIGSTOP) : 0;
}
