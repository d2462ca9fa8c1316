/**
 * Whether the processes of a tree can be born again as they are: a restore forks them, and what they share, and in which session they are, must come from
 * who forks them (core/pstree). Asked with the same plan that a restore makes, so that no tree is killed which then cannot be had back.
 */
import { CrError } from '../errors.js';
import { Classes, KCMP } from '../kernel/kcmp-classes.js';
import { LocalCalls } from '../kernel/local.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { Native } from '../kernel/native.js';
import { isZombie, readStat, type Stat } from '../kernel/procfs/stat.js';
import type { PstreeTask, SharedIds } from '../pstree/model.js';
import { planBirths } from '../pstree/plan-births.js';

/** A process as a dump sees it, before or after the freeze. */
export interface Member<T> {
  readonly pid: number;
  readonly parent: T | null;
  readonly stat: Stat;
}

interface Planned extends PstreeTask<Planned> {
  readonly ids: SharedIds | null;
}

export interface BirthRefusal {
  readonly pid: number;
  readonly what: string;
  readonly hint: string;
}

/**
 * @param members parents first
 * @returns why no restore can fork these, or null
 */
export function refuseBirths<T extends Member<T>>(
  members: readonly T[],
  idsOf: (member: T) => SharedIds | null,
  shellJob: boolean,
): BirthRefusal | null {
  const planned = new Map<T, Planned>();
  for (const member of members) {
    const { pid, stat } = member;
    const parent = member.parent ? planned.get(member.parent)! : null;
    const kind = isZombie(member) ? 'zombie' : 'live';
    planned.set(member, { kind, pid, sid: stat.sid, pgid: stat.pgrp, parent, threads: [], ids: idsOf(member) });
  }
  try {
    planBirths([...planned.values()], {
      external: shellJob ? outside([...planned.values()]) : { sid: 0, pgid: 0 },
      freePid: nobodys,
      makeHelper: (place) => ({ ...place, kind: 'helper', threads: [], ids: null }),
    });
    return null;
  } catch (error) {
    if (!(error instanceof CrError) || error.code === 'CR_INTERNAL') throw error;
    const pid = error.subject.pid!;
    return { pid, what: error.message.replace(`pid ${pid}: `, ''), hint: error.hint };
  }
}

/** Session and group of a shell job, which are the restorer's at a restore. */
function outside(tasks: readonly Planned[]): { sid: number; pgid: number } {
  const { sid, pgid } = tasks[0]!;
  const pids = new Set(tasks.map((task) => task.pid));
  return pids.has(sid) ? { sid: 0, pgid: 0 } : { sid, pgid: pids.has(pgid) ? 0 : pgid };
}

/** No process has such a number, and for a plan any will do. */
function nobodys(used: ReadonlySet<number>): number {
  let pid = -1;
  while (used.has(pid)) pid--;
  return pid;
}

/**
 * The same while the tree runs: what processes share is asked of the kernel.
 * @returns nothing also for a tree in which somebody ends just now; the check of the frozen tree tells
 */
export function preflightBirths<T extends Member<T>>(
  { native, proc }: KernelThread,
  members: readonly T[],
  shellJob: boolean,
): BirthRefusal[] {
  const ids = sharedIds(native, members);
  const refusal = ids && refuseBirths(members, (member) => ids.get(member) ?? null, shellJob);
  if (!refusal) return [];
  // Who ends has given up what it had, and all who did look as if they shared it.
  const alive = [...ids.keys()].every(({ pid }) => isAlive(readStat(proc, pid)));
  return alive ? [refusal] : [];
}

function isAlive(stat: Stat | null): boolean {
  return stat !== null && stat.state !== 'Z' && stat.state !== 'X';
}

/** Null when somebody is gone. */
function sharedIds<T extends Member<T>>(native: Native, members: readonly T[]): Map<T, SharedIds> | null {
  const calls = new LocalCalls(native);
  const [files, fs] = [new Classes<number>(calls, KCMP.files), new Classes<number>(calls, KCMP.fs)];
  const ids = new Map<T, SharedIds>();
  const make = () => ids.size + 1;
  try {
    for (const member of members)
      if (!isZombie(member)) ids.set(member, { files_id: files.of(member.pid, 0, make).value, fs_id: fs.of(member.pid, 0, make).value });
    return ids;
  } catch (error) {
    if (error instanceof CrError && error.kernel?.errno === 'ESRCH') return null;
    throw error;
  } finally {
    calls.close();
  }
}
