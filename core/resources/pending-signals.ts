/**
 * Queued signals with their siginfo, in order: those of the process and those of each thread. The tracer reads them without taking them out
 * (ptrace(2), PTRACE_PEEKSIGINFO); the task queues them for itself, because only then the kernel takes any si_code (rt_sigqueueinfo(2)).
 */
import { constants } from 'node:os';
import { PTRACE } from '../abi/ptrace.js';
import type { DumpRun, DumpThread } from '../dump/model.js';
import { CrError } from '../errors.js';
import type { SignalQueueEntry } from '../images/generated/core.js';
import type { Program, Ptr } from '../program/program.js';
import type { RestoreTask } from '../restore/model.js';
import type { TaskResource } from './resource.js';
import { TASK_STATE, taskPart, threadPart, whose } from './task-parts.js';

const { SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU } = constants.signals;
const STOPS: readonly number[] = [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU];
const LAST_SIGNAL = 64;
/** sizeof(siginfo_t). */
export const SIGINFO_SIZE = 128;
const PEEK_SHARED = 1;
/** Asked for in the first round trip; most threads have none. */
const FIRST = 4;
/** A queue is bounded by RLIMIT_SIGPENDING, which root may have set to anything. */
const BATCH = 256;
const QUEUE_MAX = 1 << 20;

interface Peek {
  readonly infos: Ptr;
  readonly count: () => number;
}

function peek(p: Program, tid: number, shared: boolean, offset: number, limit: number): Peek {
  const args = p.struct('ptrace_peeksiginfo_args', { off: offset, flags: shared ? PEEK_SHARED : 0, nr: limit });
  const infos = p.out(limit * SIGINFO_SIZE);
  const call = p.sys.ptrace(PTRACE.PEEKSIGINFO, tid, args, infos).must('read queued signals');
  return { infos, count: () => call.result };
}

function listOf({ infos, count }: Peek): Buffer[] {
  return Array.from({ length: count() }, (_, i) => infos.copy(i * SIGINFO_SIZE, SIGINFO_SIZE));
}

/** The rest of a queue that was longer than the first question. */
function readRest(run: DumpRun, thread: DumpThread, shared: boolean, list: Buffer[]): void {
  for (let got = list.length; got > 0 && list.length < QUEUE_MAX;) {
    const { value, free } = run.thread.once('signals.pending', 4096 + BATCH * SIGINFO_SIZE, (p) =>
      peek(p, thread.tid, shared, list.length, BATCH),
    );
    const more = listOf(value);
    free();
    got = more.length;
    list.push(...more);
  }
}

function queueOf(run: DumpRun, thread: DumpThread, shared: boolean, first: Peek): Buffer[] {
  const list = listOf(first);
  if (list.length === FIRST) readRest(run, thread, shared, list);
  return list;
}

const entryOf = (list: readonly Buffer[]): SignalQueueEntry => ({ signals: list.map((siginfo) => ({ siginfo })) });

/**
 * A queued SIGSTOP of a task that was not stopped yet (it came with the freeze) is as good as the stop itself. And what waits behind a stop is never
 * seen: only SIGCONT ends it, which takes all stop signals off the queues (kernel/signal.c, prepare_signal()).
 */
function withoutStops(thread: DumpThread, lists: readonly (readonly Buffer[])[]): (readonly Buffer[])[] {
  const { tc } = thread.task.core;
  const stopped = tc?.task_state === TASK_STATE.stopped;
  const comes = lists.some((list) => list.some((info) => signalOf(info) === SIGSTOP));
  if (!stopped && !comes) return [...lists];
  if (!stopped && tc) Object.assign(tc, { task_state: TASK_STATE.stopped, stop_signo: SIGSTOP });
  return lists.map((list) => list.filter((info) => !STOPS.includes(signalOf(info))));
}

export const signalOf = (siginfo: Uint8Array): number => Buffer.from(siginfo.buffer, siginfo.byteOffset, siginfo.length).readInt32LE(0);

/** Signal sets: bit n-1 is signal n. */
export function setOf(list: readonly Uint8Array[]): bigint {
  return list.reduce((set, info) => set | (1n << BigInt(signalOf(info) - 1)), 0n);
}

function problems(task: RestoreTask): string[] {
  const queues = task.threads.flatMap((thread) => [
    { thread, queue: threadPart(thread.core).signals_p },
    ...(thread.isLeader ? [{ thread, queue: taskPart(thread.core).signals_s }] : []),
  ]);
  return queues.flatMap(({ thread, queue }) => {
    const bad = queue?.signals.some(
      ({ siginfo }) => siginfo.length !== SIGINFO_SIZE || signalOf(siginfo) < 1 || signalOf(siginfo) > LAST_SIGNAL,
    );
    return bad === true ? [`${whose(task.pid, thread.tid)}has a queued signal that cannot exist: the image is damaged`] : [];
  });
}

/** SIGKILL and SIGSTOP cannot be blocked: a restored task would get them at once. A stop is made by the engine at the very end. */
function restorable(queue: SignalQueueEntry | undefined): Uint8Array[] {
  return (queue?.signals ?? []).map(({ siginfo }) => siginfo).filter((info) => signalOf(info) !== SIGKILL && signalOf(info) !== SIGSTOP);
}

export const pendingSignals: TaskResource = {
  name: 'pending-signals',
  plan: problems,
  readOutside(p, thread, run) {
    const own = peek(p, thread.tid, false, 0, FIRST);
    const isProcess = thread.core === thread.task.core;
    // One queue for all threads: the first, which is the leader while it lives, asks for it.
    const shared = thread === thread.task.threads[0] ? peek(p, thread.tid, true, 0, FIRST) : null;
    return () => {
      if (shared) thread.task.sharedSignals = queueOf(run, thread, true, shared);
      const queues = [queueOf(run, thread, false, own), thread.task.sharedSignals];
      const [list, all] = withoutStops(thread, queues) as [Buffer[], Buffer[]];
      if (list.length + all.length >= QUEUE_MAX)
        throw new CrError('CR_UNSUPPORTED', {
          message: 'has more than a million queued signals',
          subject: { pid: thread.task.pid },
          target: 'running',
        });
      threadPart(thread.core).signals_p = entryOf(list);
      if (isProcess) taskPart(thread.core).signals_s = entryOf(all);
      // Decides whether a call that ended with EINTR was really interrupted (restart.ts).
      thread.tracee.signalPending = ((setOf(list) | setOf(all)) & ~thread.tracee.mask) !== 0n;
    };
  },
  thread: {
    threadSignals(p, thread) {
      const { tid, task } = thread;
      if (thread.isLeader)
        for (const info of restorable(taskPart(thread.core).signals_s))
          p.sys.rt_sigqueueinfo(task.pid, signalOf(info), p.data(info)).must(`queue signal ${signalOf(info)}`);
      for (const info of restorable(threadPart(thread.core).signals_p))
        p.sys.rt_tgsigqueueinfo(task.pid, tid, signalOf(info), p.data(info)).must(`queue signal ${signalOf(info)} for a thread`);
    },
  },
};
