/** How a dumped tree ends: killed, stopped, or running on. */
import { constants } from 'node:os';
import { WALL } from '../abi/ptrace.js';
import { detachAll } from '../kernel/outside.js';
import { isZombie } from '../kernel/procfs/stat.js';
import { waitForState } from '../kernel/wait-state.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { Program } from '../program/program.js';
import type { DumpTask } from './model.js';

const { SIGKILL, SIGSTOP } = constants.signals;
/** Bytes of memory; less is gone before a second processor has begun. */
const SHARED_FROM = 32 << 20;

function tracees(tasks: readonly DumpTask[]) {
  return tasks.filter((task) => !isZombie(task)).flatMap((task) => task.threads.map((t) => t.tracee));
}

/** A child of our own process is left for whoever started it to collect: taking its status away would hide its end from them. */
function isOurChild({ stat }: DumpTask): boolean {
  return stat.ppid === process.pid;
}

/** Threads of a killed process, its leader last: a leader is not told to anybody while others are left. (Its number need not be the lowest: they wrap.) */
function reapOrder(task: DumpTask): number[] {
  const others = task.threads.map(({ tid }) => tid).filter((tid) => tid !== task.pid);
  return isOurChild(task) ? others : [...others, task.pid];
}

function residentOf({ vmas }: DumpTask): number {
  return vmas.reduce((n, vma) => n + vma.rss, 0);
}

/** A dying task gives its memory back on one processor, and we would only wait: process_mrelease(2) does it on ours as well (2 GiB: 225 to 170 ms). */
function emitRelease(p: Program, pid: number): void {
  const why = 'only saves time; not there before Linux 5.15';
  const fd = p.sys.pidfd_open(pid, 0).ignore(why);
  p.sys.process_mrelease(fd, 0).ignore(why);
  p.sys.close(fd).ignore(why);
}

/**
 * Kills the tree, children first, so that nobody is reparented while alive. Every traced thread must be waited for before its leader reports to
 * the real parent (ptrace(2): the tracer is told first), leaders last.
 */
export function killTree(thread: KernelThread, tasks: readonly DumpTask[]): void {
  const dying = [...tasks].reverse().filter((task) => !isZombie(task));
  const threads = tracees(tasks).length;
  const { free } = thread.once('final.kill', 16384 + (threads + dying.length) * 160 + dying.length * 192, (p) => {
    for (const task of dying) p.sys.kill(task.pid, SIGKILL).ignore('a task that is gone is what we want');
    for (const task of dying) if (residentOf(task) >= SHARED_FROM) emitRelease(p, task.pid);
    for (const task of dying) for (const tid of reapOrder(task)) p.sys.wait4(tid, p.out(8), WALL, 0).ignore('reaped by its parent already');
  });
  free();
  for (const task of dying) if (isOurChild(task)) waitForState(thread.proc, task.pid, ['Z', 'X', '']);
}

/** SIGSTOP while trapped, then detach: PTRACE_DETACH ignores its signal argument outside of a signal-delivery-stop. */
export function stopTree(thread: KernelThread, tasks: readonly DumpTask[]): void {
  const { free } = thread.once('final.stop', 8192 + tasks.length * 64, (p) => {
    for (const task of tasks) if (!isZombie(task)) p.sys.kill(task.pid, SIGSTOP).ignore('a task that is gone cannot be stopped');
  });
  free();
  detachAll(thread, tracees(tasks));
  // "Stopped" is what the caller is told next, so it must be true by then.
  for (const task of tasks) waitForState(thread.proc, task.pid, ['T', 'Z', 'X', '']);
}

/** The tree runs on as if nothing had been. */
export function resumeTree(thread: KernelThread, tasks: readonly DumpTask[]): void {
  detachAll(thread, tracees(tasks));
}
