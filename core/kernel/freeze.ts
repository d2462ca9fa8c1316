/**
 * Freezing: SEIZE, INTERRUPT and wait for every thread of every process of a tree. Threads and children race with us:
 *  1. we list the threads of P; 2. a thread of P that runs creates thread X; 3. we stop all that we listed. X is found by listing again, and
 *  since every possible creator is stopped after a pass that finds nothing new, the passes end. Children are listed only then.
 */
import { errnoName } from '../abi/errno.js';
import { PTRACE, PTRACE_O, WALL } from '../abi/ptrace.js';
import { CrError } from '../errors.js';
import type { CgroupFreezer } from './cgroup-freezer.js';
import type { KernelThread } from './kernel-thread.js';
import { readStat } from './procfs/stat.js';
import { readStatus } from './procfs/status.js';
import { readChildren, readThreads } from './procfs/task-list.js';
import { TracedProcess, Tracee } from './tracee.js';
import { waitForState } from './wait-state.js';

const MAX_PASSES = 64;
/** A bound against a /proc that lies. */
const MAX_PROCESSES = 100_000;
const STATUS_EVENT_STOP = 128;

export interface FreezeOptions {
  /** PTRACE_O_* besides TRACESYSGOOD. */
  readonly ptraceOptions: number;
  /** Called before a process that is not the root is seized (hook point for plugins). */
  readonly onProcess?: (pid: number) => void;
  /** Called when every thread has been told to stop and before anybody waits for it. */
  readonly beforeWait?: () => void;
}

/** Seizes the given threads. Threads that are gone are left out of the result. Throws when one may not be traced. */
export function seizeThreads(thread: KernelThread, wanted: readonly Tracee[], options: FreezeOptions): Tracee[] {
  if (wanted.length === 0) return [];
  const { value: calls, free } = thread.once('freeze.seize', 4096 + wanted.length * 2 * 64, (p) => {
    const seize = wanted.map((t) =>
      p.sys.ptrace(PTRACE.SEIZE, t.tid, 0, PTRACE_O.TRACESYSGOOD | options.ptraceOptions).ignore('checked below'),
    );
    const stop = wanted.map((t) => p.sys.ptrace(PTRACE.INTERRUPT, t.tid, 0, 0).ignore('checked below'));
    return wanted.map((tracee, i) => ({ tracee, seize: seize[i]!, stop: stop[i]! }));
  });
  const asked = calls.map(({ tracee, seize, stop }) => ({ tracee, seize: seize.result, stop: stop.result }));
  free();
  options.beforeWait?.();
  // Only who was told to stop: any other child of ours that lives would be waited for until it ends. ESRCH is a thread that has just died.
  const stopping = asked.filter(({ seize, stop }) => seize === 0 && (stop === 0 || errnoName(-stop) === 'ESRCH'));
  const alive = awaitStops(
    thread,
    stopping.map(({ tracee }) => tracee),
  );
  const denied = asked.map(({ tracee, seize, stop }) => ({ tracee, errno: seize < 0 ? -seize : -stop }));
  const refused = denied.find((d) => d.errno > 0 && errnoName(d.errno) !== 'ESRCH' && !isDead(thread, d.tracee));
  if (refused) throw seizeDenied(thread, refused.tracee, refused.errno);
  return alive.filter((t) => settle(thread, t));
}

/** Leaders last: one that is killed reports its end only when its other threads have been waited for (ptrace(2), "Death under ptrace"). */
function awaitStops(thread: KernelThread, wanted: readonly Tracee[]): Tracee[] {
  const { value: statuses, free } = thread.once('freeze.wait', 4096 + wanted.length * (64 + 16), (p) =>
    [...wanted.filter((t) => t.tid !== t.pid), ...wanted.filter((t) => t.tid === t.pid)].map((tracee) => {
      const status = p.out(8);
      // Per tid: wait4(-1) scans all tracees and may reap a child that is not ours.
      return { tracee, status, wait: p.sys.wait4(tracee.tid, status, WALL, 0).ignore('checked below') };
    }),
  );
  const stopped = new Set<Tracee>();
  for (const { tracee, status, wait } of statuses) {
    if (wait.result !== tracee.tid) continue;
    tracee.status = status.u32();
    stopped.add(tracee);
  }
  free();
  return wanted.filter((tracee) => stopped.has(tracee));
}

function isDead(thread: KernelThread, tracee: Tracee): boolean {
  // A zombie (also a dead leader with living threads) cannot be seized: EPERM.
  const state = readStat(thread.proc, tracee.pid, tracee.tid)?.state ?? 'X';
  return state === 'Z' || state === 'X';
}

function seizeDenied(thread: KernelThread, tracee: Tracee, errno: number): CrError {
  const tracer = readStatus(thread.proc, tracee.pid, tracee.tid)?.tracerPid ?? 0;
  return new CrError('CR_FREEZE', {
    message: tracer > 0 ? `is traced by process ${tracer}` : 'may not be traced',
    subject: { pid: tracee.pid, tid: tracee.tid },
    kernel: { call: `ptrace(PTRACE_SEIZE, ${tracee.tid})`, errno: errnoName(errno) },
    hint:
      tracer > 0
        ? `Detach process ${tracer} (a debugger or strace) first.`
        : 'Needs CAP_SYS_PTRACE over the task; check kernel.yama.ptrace_scope and LSM rules.',
    target: 'running',
  });
}

/** Brings a thread that reported something else than our interrupt to that stop; false when it died. */
function settle(thread: KernelThread, tracee: Tracee): boolean {
  for (let i = 0; i < MAX_PASSES; i++) {
    if ((tracee.status & 0xff) !== 0x7f) return false;
    if (tracee.status >> 16 === STATUS_EVENT_STOP) return true;
    // Signal-delivery-stop: the signal is already dequeued and would be lost if we died now, so it goes back at once.
    const signal = (tracee.status >> 8) & 0xff;
    const { value, free } = thread.once('freeze.settle', 4096, (p) => {
      const status = p.out(8);
      p.sys.ptrace(PTRACE.CONT, tracee.tid, 0, signal).ignore('a dead thread shows in wait4');
      return { status, wait: p.sys.wait4(tracee.tid, status, WALL, 0).ignore('checked here') };
    });
    const gone = value.wait.result < 0;
    tracee.status = value.status.u32();
    free();
    if (gone) return false;
  }
  throw new CrError('CR_FREEZE', { message: 'does not come to a stop', subject: { pid: tracee.pid, tid: tracee.tid }, target: 'running' });
}

/**
 * Freezes all threads of some processes until nothing new appears.
 * @param processes some of their threads may be frozen already
 */
function freezeProcesses(thread: KernelThread, processes: readonly TracedProcess[], options: FreezeOptions): void {
  const tried = new Set(processes.flatMap(({ threads }) => threads.map(({ tid }) => tid)));
  let moving = processes;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const fresh = moving.map((process) => ({ process, tids: listThreads(thread, process.pid).filter((tid) => !tried.has(tid)) }));
    moving = fresh.filter(({ tids }) => tids.length > 0).map(({ process }) => process);
    if (moving.length === 0) return;
    const wanted = fresh.flatMap(({ process, tids }) => tids.map((tid) => new Tracee(process.pid, tid)));
    for (const { tid } of wanted) tried.add(tid);
    const byPid = new Map(moving.map((process) => [process.pid, process]));
    for (const tracee of seizeThreads(thread, wanted, options)) byPid.get(tracee.pid)!.threads.push(tracee);
  }
  throw new CrError('CR_FREEZE', {
    message: 'creates threads faster than they can be stopped',
    subject: { pid: moving[0]!.pid },
    target: 'running',
  });
}

function listThreads(thread: KernelThread, pid: number): readonly number[] {
  return readThreads(thread.proc, pid) ?? [];
}

/**
 * Processes of a tree whose tasks stand still, parents first. Without those that still use their parent's memory: a parent in vfork(2) comes to its stop
 * only when the child has called execve, so the child must be left to run.
 */
function listTree(thread: KernelThread, root: number): number[] {
  const pids = [root];
  for (let i = 0; i < pids.length && i < MAX_PROCESSES; i++) {
    const parent = pids[i]!;
    const children = listThreads(thread, parent).flatMap((tid) => readChildren(thread.proc, parent, tid) ?? []);
    pids.push(...children.filter((child) => !shareMemory(thread, parent, child)));
  }
  return pids;
}

const KCMP_VM = 1;

function shareMemory(thread: KernelThread, a: number, b: number): boolean {
  const { value, free } = thread.here('freeze.vfork', 4096, (p) => p.sys.kcmp(a, b, KCMP_VM, 0, 0).ignore('who is gone shares nothing'));
  const same = value.result === 0;
  free();
  return same;
}

/**
 * Freezes a tree with the help of its cgroup's freezer: one look at a tree that stands still instead of several at one that moves. What is in another
 * cgroup is found by the usual passes.
 */
export function freezeInCgroup(
  thread: KernelThread,
  root: number,
  options: FreezeOptions,
  freezer: CgroupFreezer,
  limitMs: number,
): TracedProcess[] {
  const held = new Map<number, TracedProcess>();
  try {
    freezer.freeze(limitMs);
    const tracees = listTree(thread, root).flatMap((pid) => listThreads(thread, pid).map((tid) => new Tracee(pid, tid)));
    for (const tracee of seizeThreads(thread, tracees, { ...options, beforeWait: () => freezer.thaw() })) {
      const process = held.get(tracee.pid) ?? new TracedProcess(tracee.pid);
      process.threads.push(tracee);
      held.set(tracee.pid, process);
    }
  } finally {
    freezer.thaw();
  }
  return freezeTree(thread, root, options, held);
}

/**
 * A zombie, or a child that ended while we came for it: there is nothing to hold, and its parent, which is stopped, keeps what is left of it. Until it is a
 * zombie it looks alive in /proc, although nobody can trace it any more.
 */
function awaitEnd(thread: KernelThread, pid: number): void {
  if (waitForState(thread.proc, pid, ['Z', 'X', ''])) return;
  throw new CrError('CR_FREEZE', {
    message: 'can neither be stopped nor does it end',
    subject: { pid },
    hint: 'Look at what it waits for (/proc/PID/wchan, /proc/PID/stack).',
    target: 'running',
  });
}

/**
 * Processes that can be told to stop together. Who waits in vfork(2) stops only when its child has called execve, and with CLONE_PARENT that child is its
 * brother: stopped at the same time it would never get there. State D is such a wait, or another short one. (A brother that is born later is not in the list.)
 */
function inGroups(thread: KernelThread, pids: readonly number[]): number[][] {
  if (pids.length === 1) return [[...pids]];
  const waits = new Set(pids.filter((pid) => readStat(thread.proc, pid)?.state === 'D'));
  return [...[...waits].map((pid) => [pid]), pids.filter((pid) => !waits.has(pid))];
}

/**
 * Freezes a whole tree, parents first, generation after generation.
 * @param held processes of which threads are frozen already
 */
export function freezeTree(
  thread: KernelThread,
  root: number,
  options: FreezeOptions,
  held: ReadonlyMap<number, TracedProcess> = new Map(),
): TracedProcess[] {
  const frozen: TracedProcess[] = [];
  for (let pids = [root]; pids.length > 0;) {
    for (const pid of pids) if (pid !== root) options.onProcess?.(pid);
    const generation = pids.map((pid) => held.get(pid) ?? new TracedProcess(pid));
    const byPid = new Map(generation.map((process) => [process.pid, process]));
    for (const group of inGroups(thread, pids))
      freezeProcesses(
        thread,
        group.map((pid) => byPid.get(pid)!),
        options,
      );
    const alive = generation.filter(({ threads }) => threads.length > 0);
    for (const { pid, threads } of generation) if (threads.length === 0) awaitEnd(thread, pid);
    frozen.push(...alive);
    // A child belongs to the thread that forked it; the lists are exact because every thread is stopped (proc_pid_task_children(5)).
    for (const process of alive)
      process.children = listThreads(thread, process.pid).flatMap((tid) => readChildren(thread.proc, process.pid, tid) ?? []);
    pids = alive.flatMap(({ children }) => children);
  }
  return frozen;
}
