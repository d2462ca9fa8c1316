/** Runs programs in many frozen processes at once and waits for all of them. */
import { PTRACE, WALL, WNOHANG } from '../abi/ptrace.js';
import { CrError } from '../errors.js';
import { emitSubmit, emitWait, isDone, type Daemon } from './daemon.js';
import type { KernelThread } from './kernel-thread.js';
import type { RemoteJob } from './parasite.js';
import type { Tracee } from './tracee.js';

const EVENT_STOP = 128;

/**
 * Hands every job over, then waits. While a task does not answer, its threads are looked after: a thread that was in job-control stop reports a
 * second trap and must be continued; one that died is an error. The watchdog of `thread` bounds the whole.
 */
export function runRemote(thread: KernelThread, jobs: readonly RemoteJob[]): void {
  if (jobs.length === 0) return;
  for (const job of jobs) thread.observer.before?.(job.program);
  if (jobs[0]!.parasite.stepping) for (const job of jobs) job.parasite.step(job);
  else runAtOnce(thread, jobs);
  for (const job of jobs) thread.observer.after?.(job.program, job.parasite.statusOf(job.tracee));
  for (const job of jobs)
    job.program.check(job.parasite.statusOf(job.tracee), { subject: { pid: job.tracee.pid, tid: job.tracee.tid }, target: 'running' });
}

function runAtOnce(thread: KernelThread, jobs: readonly RemoteJob[]): void {
  const goals = new Map<RemoteJob, number>();
  const first = thread.once('remote.submit', 8192 + jobs.length * 192, (p) => {
    for (const job of jobs) goals.set(job, emitSubmit(p, job.parasite.arena, daemonOf(job), job.program));
    for (const job of jobs) emitWait(p, job.parasite.arena, daemonOf(job), goals.get(job)!);
  });
  first.free();
  for (let left = unfinished(jobs); left.length > 0; left = unfinished(left)) {
    for (const tracee of new Set(left.flatMap((job) => job.parasite.process.threads))) lookAfter(thread, tracee);
    const again = thread.once('remote.wait', 8192 + left.length * 128, (p) => {
      for (const job of left) emitWait(p, job.parasite.arena, daemonOf(job), goals.get(job)!);
    });
    again.free();
  }
}

function daemonOf({ parasite, tracee }: RemoteJob): Daemon {
  return parasite.daemonOf(tracee);
}

function unfinished(jobs: readonly RemoteJob[]): RemoteJob[] {
  return jobs.filter((job) => !isDone(job.parasite.arena, daemonOf(job)));
}

/** Continues a thread that stopped for a reason that is not ours; throws when it is gone. */
function lookAfter(thread: KernelThread, tracee: Tracee): void {
  const { value, free } = thread.once('remote.look', 4096, (p) => {
    const status = p.out(8);
    return { status, wait: p.sys.wait4(tracee.tid, status, WALL | WNOHANG, 0).ignore('looked at below') };
  });
  const result = value.wait.result;
  const status = value.status.u32();
  free();
  if (result === 0) return;
  if (result !== tracee.tid || (status & 0xff) !== 0x7f)
    throw new CrError('CR_TARGET_LOST', {
      message: 'was killed during the operation',
      subject: { pid: tracee.pid, tid: tracee.tid },
      target: 'destroyed',
    });
  const signal = status >> 16 === EVENT_STOP ? 0 : (status >> 8) & 0xff;
  const cont = thread.once('remote.continue', 4096, (p) => {
    p.sys.ptrace(PTRACE.CONT, tracee.tid, 0, signal).ignore('a thread that died is noticed the next time');
  });
  cont.free();
}
