/** Pids that a restore needs: free, or about to be. */
import { readFileSync } from 'node:fs';
import { nowMs } from '../clock.js';
import { errnoNumber } from '../abi/errno.js';
import { CrError } from '../errors.js';
import { readProcesses } from '../kernel/procfs/processes.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import { readStat, type Stat } from '../kernel/procfs/stat.js';
import { readThreads } from '../kernel/procfs/task-list.js';

const ESRCH = errnoNumber('ESRCH');
const WAIT_MS = 5000;
const STEP_MS = 5;
/** The kernel gives out none below when it starts again from the bottom (RESERVED_PIDS, kernel/pid.c). */
const RESERVED_PIDS = 300;
/** More than restores that run at a time. */
const PLACES = 512;

/** Says who holds a number, or null when nobody does. A number is also held by a process group or session that is named after it. */
export function pidHolder(proc: ProcReader, pid: number): string | null {
  const own = readStat(proc, pid);
  if (own) return `is in use by ${describe(own)}`;
  for (const other of readProcesses(proc)) {
    const stat = readStat(proc, other);
    if (stat?.pgrp === pid) return `is the process group of ${describe(stat)}`;
    if (stat?.sid === pid) return `is the session of ${describe(stat)}`;
    const thread = readStat(proc, other, pid);
    if (thread) return `is a thread of ${describe(stat ?? thread)}`;
  }
  return null;
}

/**
 * A number that nobody has and that is not among the given ones. The kernel counts upwards and gives out last what it has just passed, so that is where
 * we look; restores that look at the same time begin at different places. Throws CR_RESTORE.
 */
export function freePid(proc: ProcReader, used: ReadonlySet<number>, place = numbering()): number {
  const { last, max } = place;
  const count = max - RESERVED_PIDS;
  for (let back = 1 + (process.pid % PLACES); back < count; back++) {
    const pid = RESERVED_PIDS + ((((last - back - RESERVED_PIDS) % count) + count) % count);
    if (!used.has(pid) && pidHolder(proc, pid) === null) return pid;
  }
  throw new CrError('CR_RESTORE', { message: 'no pid is free', hint: 'Raise kernel.pid_max.', target: 'not started' });
}

export interface Numbering {
  /** Given out last. */
  readonly last: number;
  /** Where the kernel begins again. */
  readonly max: number;
}

/** As the kernel tells it (proc_loadavg(5), proc_sys_kernel(5)). */
export function numbering(): Numbering {
  const last = Number(readFileSync('/proc/loadavg', 'latin1').split(' ')[4]);
  return { last, max: Number(readFileSync('/proc/sys/kernel/pid_max', 'latin1')) };
}

function describe(stat: Stat): string {
  const zombie = stat.state === 'Z' ? `, which has ended and waits to be reaped by process ${stat.ppid}` : '';
  return `process ${stat.pid} (${stat.comm})${zombie}`;
}

/**
 * What the number given out last should be, so that the next `room` ones are none of `used`: as it is, or the lowest of those behind which there is
 * room. Null when there is none.
 */
export function clearOf(used: readonly number[], room: number, { last, max }: Numbering): number | null {
  const sorted = [...used].sort((a, b) => a - b);
  const isClear = (from: number, next = max) => Math.min(next, max) - from > room;
  if (
    isClear(
      last,
      sorted.find((pid) => pid > last),
    )
  )
    return last;
  return sorted.find((pid, i) => isClear(pid, sorted[i + 1])) ?? null;
}

/** CR_PID_OWN for a number of the tree that is our own, or that of a thread of ours: it will not become free while we live. */
export function ownPid(proc: ProcReader, pids: readonly number[]): CrError | null {
  const threads = new Set(readThreads(proc, process.pid) ?? []);
  const pid = pids.includes(process.pid) ? process.pid : pids.find((one) => threads.has(one));
  if (pid === undefined) return null;
  const comm = readStat(proc, process.pid, pid)?.comm ?? 'ending';
  const what = pid === process.pid ? 'is criu-ts itself' : 'is a thread of criu-ts itself';
  return new CrError('CR_PID_OWN', { message: `${what} (${comm})`, subject: { pid }, target: 'not started' });
}

/** Those that a process or thread has, asked of the kernel by one program: a file of /proc that is not there costs an exception for each. */
function takenOf(thread: KernelThread, pids: readonly number[]): number[] {
  const { value, free } = thread.here('pids.taken', 4096 + pids.length * 64, (p) =>
    pids.map((pid) => p.sys.kill(pid, 0).ignore('anything but ESRCH says that somebody has the number (kill(2))')),
  );
  const taken = pids.filter((_, i) => value[i]!.result !== -ESRCH);
  free();
  return taken;
}

/**
 * Waits until every number is free. A zombie may be about to be reaped (a tree that was just killed), so it gets some seconds; anything else that
 * lives under a number is an error at once.
 */
export async function waitForPids(thread: KernelThread, pids: readonly number[]): Promise<void> {
  const { proc } = thread;
  const deadline = nowMs() + WAIT_MS;
  for (const pid of takenOf(thread, pids)) {
    for (;;) {
      const stat = readStat(proc, pid);
      if (!stat) break;
      if (stat.state !== 'Z' && stat.state !== 'X' ? true : nowMs() > deadline)
        throw new CrError('CR_PID_TAKEN', {
          message: `is in use by ${describe(stat)}`,
          subject: { pid },
          target: 'not started',
        });
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  }
}
