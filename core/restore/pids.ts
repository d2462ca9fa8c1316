/** Pids that a restore needs: free, or about to be. */
import { readFileSync } from 'node:fs';
import { nowMs } from '../clock.js';
import { CrError } from '../errors.js';
import { readProcesses } from '../kernel/procfs/processes.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import { readStat, type Stat } from '../kernel/procfs/stat.js';

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

/** The number given out last (loadavg in proc_loadavg(5)) and the one at which the kernel begins again. */
function numbering(): { readonly last: number; readonly max: number } {
  const last = Number(readFileSync('/proc/loadavg', 'latin1').split(' ')[4]);
  return { last, max: Number(readFileSync('/proc/sys/kernel/pid_max', 'latin1')) };
}

function describe(stat: Stat): string {
  const zombie = stat.state === 'Z' ? `, which has ended and waits to be reaped by process ${stat.ppid}` : '';
  return `process ${stat.pid} (${stat.comm})${zombie}`;
}

/**
 * Waits until every number is free. A zombie may be about to be reaped (a tree that was just killed), so it gets some seconds; anything else that
 * lives under a number is an error at once.
 */
export async function waitForPids(proc: ProcReader, pids: readonly number[]): Promise<void> {
  const deadline = nowMs() + WAIT_MS;
  for (const pid of pids) {
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
