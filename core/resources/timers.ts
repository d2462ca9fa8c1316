/**
 * Interval timers (setitimer(2)) and POSIX timers (timer_create(2)) of a process. What is left of them is asked for inside and stored; time that
 * passes between dump and restore does not count, as with CRIU. They are created early and armed last, when nothing slow follows.
 */
import { constants } from 'node:os';
import type { DumpTask } from '../dump/model.js';
import type { PreflightTask } from '../dump/preflight-task.js';
import type { ItimerEntry, PosixTimerEntry } from '../images/generated/core.js';
import { readStat } from '../kernel/procfs/stat.js';
import { readSharedPending } from '../kernel/procfs/status.js';
import { readTimers, type PosixTimer } from '../kernel/procfs/timers.js';
import type { Program, Ptr, StructPtr } from '../program/program.js';
import type { RestoreRun, RestoreTask } from '../restore/model.js';
import { setOf, SIGINFO_SIZE } from './pending-signals.js';
import type { TaskResource } from './resource.js';
import { taskPart } from './task-parts.js';

const { SIGALRM, SIGVTALRM, SIGPROF } = constants.signals;
/** ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF are 0, 1, 2. */
const ITIMERS = ['real', 'virt', 'prof'] as const;
const ITIMER_SIGNALS = [SIGALRM, SIGVTALRM, SIGPROF];
const SIGEV = { signal: 0, none: 1, thread: 2, threadId: 4 } as const;
const NOTIFY: Readonly<Record<PosixTimer['notify'], number>> = { signal: SIGEV.signal, none: SIGEV.none, thread: SIGEV.thread };
/** PR_TIMER_CREATE_RESTORE_IDS (6.15): timer_create takes the id that it finds where it will put it. */
const PR_TIMER_CREATE_RESTORE_IDS = 77;
const RESTORE_IDS = { off: 0, on: 1, get: 2 } as const;
/** Without that call ids are reached by creating and deleting: each costs two calls. */
const MAX_BLIND_IDS = 4096;
const MAX_TIMERS = 1 << 16;
const SI_KERNEL = 0x80;
const SI_TIMER = -2;

interface TimerRead {
  readonly timer: PosixTimer;
  readonly value: StructPtr<'itimerspec'>;
  readonly overrun: () => number;
}

const itimerOf = (at: StructPtr<'itimerval'>): ItimerEntry => ({
  isec: at.get('it_interval.tv_sec'),
  iusec: at.get('it_interval.tv_usec'),
  vsec: at.get('it_value.tv_sec'),
  vusec: at.get('it_value.tv_usec'),
});

/** @param tids threads that live: a timer that tells another one tells nobody, and can only be made anew as such a timer (SIGEV_NONE) */
function posixOf({ timer, value, overrun }: TimerRead, tids: ReadonlySet<number>): PosixTimerEntry {
  const gone = timer.target === 'tid' && !tids.has(timer.targetId);
  const toThread = timer.target === 'tid' && !gone;
  return {
    it_id: timer.id,
    clock_id: timer.clockId >>> 0,
    si_signo: timer.signal,
    it_sigev_notify: gone ? SIGEV.none : toThread ? SIGEV.threadId : NOTIFY[timer.notify],
    sival_ptr: timer.value,
    overrun: Math.max(0, overrun()),
    isec: value.get('it_interval.tv_sec'),
    insec: value.get('it_interval.tv_nsec'),
    vsec: value.get('it_value.tv_sec'),
    vnsec: value.get('it_value.tv_nsec'),
    ...(toThread ? { notify_thread_id: timer.targetId } : {}),
  };
}

/** CPUCLOCK_PERTHREAD_MASK; the bits above the lowest three are the complement of a pid or tid (linux/posix-timers_types.h). */
const CLOCK_OF_THREAD = 4;
const CLOCK_BITS = 3;

/** The process or thread whose processor time a clock counts; null for clocks of other kinds and of whoever made the timer. */
export function countedBy(clockId: number): { readonly id: number; readonly isThread: boolean } | null {
  const id = clockId < 0 ? ~(clockId >> CLOCK_BITS) : 0;
  return id > 0 ? { id, isThread: (clockId & CLOCK_OF_THREAD) !== 0 } : null;
}

/** The kernel keeps such a timer, which stands still, and makes none of the kind. */
function refuseTimers({ pid, proc }: PreflightTask): string[] {
  return (readTimers(proc, pid) ?? []).flatMap(({ id, clockId }) => {
    const counted = countedBy(clockId);
    if (counted === null || readStat(proc, counted.isThread ? pid : counted.id, counted.isThread ? counted.id : undefined)) return [];
    const whose = `${counted.isThread ? 'thread' : 'process'} ${counted.id}`;
    return [
      `has POSIX timer ${id}, which counts the processor time of ${whose}, and that has ended: let the program delete it (timer_delete)`,
    ];
  });
}

/**
 * Timers go on while a task is frozen. One that fires after the queued signals were read, and before its remaining time is, would be lost: its
 * signal is in no queue of the images, and its time is that of the next round. So the sets of queued signals are compared afterwards, and what
 * the timer queued in between is added.
 */
function addFired(task: DumpTask, timers: readonly TimerRead[], pending: bigint): void {
  const queue = taskPart(task.core).signals_s;
  if (!queue) return;
  const known = setOf(queue.signals.map(({ siginfo }) => siginfo));
  const fresh = pending & ~known;
  if (fresh === 0n) return;
  for (const signal of ITIMER_SIGNALS)
    if (((fresh >> BigInt(signal - 1)) & 1n) === 1n) queue.signals.push({ siginfo: timerInfo(signal, SI_KERNEL, null) });
  for (const read of timers) {
    const { signal, target } = read.timer;
    if (target === 'pid' && !ITIMER_SIGNALS.includes(signal) && ((fresh >> BigInt(signal - 1)) & 1n) === 1n)
      queue.signals.push({ siginfo: timerInfo(signal, SI_TIMER, read) });
  }
}

/** siginfo_t of an expired timer: signo, errno, code; then timer id, overrun, value (sigaction(2)). */
function timerInfo(signal: number, code: number, read: TimerRead | null): Buffer {
  const info = Buffer.alloc(SIGINFO_SIZE);
  info.writeInt32LE(signal, 0);
  info.writeInt32LE(code, 8);
  if (!read) return info;
  info.writeInt32LE(read.timer.id, 16);
  info.writeInt32LE(Math.max(0, read.overrun()), 20);
  info.writeBigUInt64LE(read.timer.value, 24);
  return info;
}

/** Whether the kernel gives timers the ids that are asked for. */
function idsCanBeAsked(run: RestoreRun): boolean {
  return run.calls.call('prctl', PR_TIMER_CREATE_RESTORE_IDS, RESTORE_IDS.get, 0, 0, 0) >= 0;
}

function planTimers(task: RestoreTask, run: RestoreRun): string[] {
  const posix = posixTimers(task);
  const out: string[] = [];
  if (posix.length > MAX_TIMERS) out.push(`has ${posix.length} POSIX timers; more than ${MAX_TIMERS} are not restored`);
  if (new Set(posix.map((timer) => timer.it_id)).size !== posix.length) out.push('has two POSIX timers with one id: the image is damaged');
  const highest = posix.at(-1)?.it_id ?? 0;
  if (highest > MAX_BLIND_IDS && !idsCanBeAsked(run))
    out.push(
      `POSIX timer ${highest}: this kernel gives timers no chosen ids (PR_TIMER_CREATE_RESTORE_IDS, 6.15), and counting that far takes too long`,
    );
  return out;
}

/** By their ids. In images of CRIU one may tell a thread that had ended before: then it tells nobody. */
function posixTimers(task: RestoreTask): PosixTimerEntry[] {
  const tids = new Set(task.threads.map((thread) => thread.tid));
  return (taskPart(task.threads[0]!.core).timers?.posix ?? [])
    .map((timer) => {
      const gone = timer.it_sigev_notify === SIGEV.threadId && !tids.has(timer.notify_thread_id ?? 0);
      return gone ? { ...timer, it_sigev_notify: SIGEV.none } : timer;
    })
    .sort((a, b) => a.it_id - b.it_id);
}

/** Creates a timer, disarmed; the kernel writes its id to the result. */
function create(p: Program, timer: PosixTimerEntry, id: Ptr): void {
  const event = p.struct('sigevent', {
    'sigev_value.sival_ptr': timer.sival_ptr,
    sigev_signo: timer.si_signo,
    sigev_notify: timer.it_sigev_notify,
    '_sigev_un._tid': timer.notify_thread_id ?? 0,
  });
  p.sys.timer_create(timer.clock_id | 0, event, id).must(`create POSIX timer ${timer.it_id}`);
}

function createAll(p: Program, timers: readonly PosixTimerEntry[], asked: boolean): void {
  if (asked) p.sys.prctl(PR_TIMER_CREATE_RESTORE_IDS, RESTORE_IDS.on, 0, 0, 0).must('choose timer ids');
  let next = 0;
  for (const timer of timers) {
    // Ids count up from 0 in every process (kernel/time/posix-timers.c, posix_timer_add).
    for (; !asked && next < timer.it_id; next++) {
      const unused = p.out(8);
      create(p, timer, unused);
      p.sys.timer_delete(unused.word32()).must('skip a timer id');
    }
    const id = p.out(8).setU32(0, timer.it_id);
    create(p, timer, id);
    p.expect(id.word32(), 0xffffffff, timer.it_id, `create POSIX timer ${timer.it_id} with its id`);
    next = timer.it_id + 1;
  }
  if (asked) p.sys.prctl(PR_TIMER_CREATE_RESTORE_IDS, RESTORE_IDS.off, 0, 0, 0).must('stop choosing timer ids');
}

/** An armed timer has a remaining time; one that just fired and waits for its next round has only the interval. */
function armedValue(timer: { vsec: bigint; isec: bigint }, fractions: { value: bigint; interval: bigint }): [bigint, bigint] {
  if (timer.vsec !== 0n || fractions.value !== 0n) return [timer.vsec, fractions.value];
  return [timer.isec, fractions.interval];
}

export const timers: TaskResource = {
  name: 'timers',
  preflight: refuseTimers,
  plan: planTimers,
  readInside(p, task, run) {
    const interval = ITIMERS.map((_, which) => {
      const at = p.struct('itimerval');
      p.sys.getitimer(which, at).must('read an interval timer');
      return at;
    });
    const posix = (readTimers(run.thread.proc, task.pid) ?? []).reverse().map((timer): TimerRead => {
      const value = p.struct('itimerspec');
      p.sys.timer_gettime(timer.id, value).must(`read POSIX timer ${timer.id}`);
      const overrun = p.sys.timer_getoverrun(timer.id).must(`read the overrun of POSIX timer ${timer.id}`);
      return { timer, value, overrun: () => overrun.result };
    });
    return () => {
      const tids = new Set(posix.length === 0 ? [] : task.threads.map(({ tid }) => tid));
      const [real, virt, prof] = interval.map(itimerOf);
      taskPart(task.core).timers = { real: real!, virt: virt!, prof: prof!, posix: posix.map((read) => posixOf(read, tids)) };
      const pending = readSharedPending(run.thread.proc, task.pid);
      if (pending !== null) addFired(task, posix, pending);
    };
  },
  process: {
    timers(p, task, run) {
      const posix = posixTimers(task);
      if (posix.length > 0) createAll(p, posix, idsCanBeAsked(run));
    },
    arm(p, task) {
      const entry = taskPart(task.threads[0]!.core).timers;
      if (!entry) return;
      ITIMERS.forEach((name, which) => {
        const { isec, iusec, vsec, vusec } = entry[name];
        const [sec, usec] = armedValue({ vsec, isec }, { value: vusec, interval: iusec });
        if (sec === 0n && usec === 0n) return;
        const value = p.struct('itimerval', {
          'it_interval.tv_sec': isec,
          'it_interval.tv_usec': iusec,
          'it_value.tv_sec': sec,
          'it_value.tv_usec': usec,
        });
        p.sys.setitimer(which, value, 0).must(`arm interval timer ${name}`);
      });
      for (const { it_id, isec, insec, vsec, vnsec } of posixTimers(task)) {
        const [sec, nsec] = armedValue({ vsec, isec }, { value: vnsec, interval: insec });
        if (sec === 0n && nsec === 0n) continue;
        const value = p.struct('itimerspec', {
          'it_interval.tv_sec': isec,
          'it_interval.tv_nsec': insec,
          'it_value.tv_sec': sec,
          'it_value.tv_nsec': nsec,
        });
        p.sys.timer_settime(it_id, 0, value, 0).must(`arm POSIX timer ${it_id}`);
      }
    },
  },
};
