/**
 * Sessions and process groups. A session id is got by birth or by setsid(2), so who forks whom, and when, follows from the ids. A task that is in another
 * session than its parent
 *  - was forked before its parent's setsid, and so may its parent have been, up to a task that is in the session (birth-sessions.ts);
 *  - or got its parent when the one that it had ended (orphans.ts).
 * Numbers whose leader is dead are taken by helpers. That of a process group is a child of a member: it calls setpgid(0, 0), stays until all members have
 * joined, and then ends.
 */
import { CrError } from '../errors.js';
import { birthSessions } from './birth-sessions.js';
import { impossible, makeHelper, type Origin } from './helpers.js';
import type { RestoreTask } from './model.js';
import { planOrphans } from './orphans.js';
import { checkSpawners, planSharing } from './sharing.js';

/** How a task comes into being. */
export interface Birth {
  readonly task: RestoreTask;
  /** Who forks it; null for the root. */
  readonly spawner: RestoreTask | null;
  /** With CLONE_PARENT: its parent is that of its spawner. */
  readonly asSibling: boolean;
  /** Calls setsid after the first group of children. */
  readonly leadsSession: boolean;
  /** Forked before the setsid of the spawner. */
  readonly first: RestoreTask[];
  /** Forked after it. */
  readonly then: RestoreTask[];
  /** Gets tasks that a process below it has forked, when that one passes them on. */
  readonly adopts: boolean;
  /** A helper that ends when it has forked, so that what it forked is adopted. */
  readonly passesOn: boolean;
}

interface Ids {
  readonly pid: number;
  sid: number;
  pgid: number;
}

/**
 * A shell job: session and group of the root lie outside the tree, so they become ours. Changes the entries.
 * Throws CR_USAGE when the leader is outside and this was not asked for.
 */
export function adoptShellJob(entries: readonly Ids[], own: { sid: number; pgid: number }, shellJob: boolean): void {
  const [root] = entries;
  if (!root) return;
  const pids = new Set(entries.map((entry) => entry.pid));
  const { sid, pgid } = root;
  if (!shellJob) {
    if (sid !== root.pid && !pids.has(sid))
      throw new CrError('CR_USAGE', {
        message: `its session ${sid} is led by a process outside the tree`,
        subject: { pid: root.pid },
        hint: 'Add --shell-job (-j) to put the tree into the session of this shell.',
        target: 'not started',
      });
    return;
  }
  if (pids.has(sid)) return;
  for (const entry of entries) {
    if (entry.sid === sid) entry.sid = own.sid;
    if (!pids.has(pgid) && entry.pgid === pgid) entry.pgid = own.pgid;
  }
}

/**
 * Plans the births, adding helpers to `tasks` (parents stay before children). Throws CR_IMAGE_BAD for sessions that no tree can have, CR_IMAGE_FEATURE for
 * sharing that no birth gives.
 * @param external session and group that exist outside the tree
 * @param freePid a pid that nobody has and that is not among the given ones
 */
export function planBirths(
  tasks: RestoreTask[],
  external: { sid: number; pgid: number },
  freePid: (used: ReadonlySet<number>) => number,
): Map<RestoreTask, Birth> {
  const { early, orphans } = birthSessions(tasks, external.sid);
  const plan = planOrphans(tasks, orphans, freePid);
  addGroupHelpers(tasks, plan.origins, external.pgid);
  planSharing(tasks, plan.origins, early);
  const births = new Map<RestoreTask, Birth>();
  for (const task of tasks) {
    const origin = plan.origins.get(task);
    births.set(task, {
      task,
      spawner: origin?.spawner ?? task.parent,
      asSibling: origin?.asSibling ?? false,
      leadsSession: task.sid === task.pid,
      first: [],
      then: [],
      adopts: plan.adopters.has(task),
      passesOn: plan.passers.has(task),
    });
  }
  for (const { task, spawner } of births.values())
    if (spawner) births.get(spawner)![isFirst(task, births.get(task)!, early) ? 'first' : 'then'].push(task);
  checkReached(tasks, births);
  checkSpawners(tasks, (task) => births.get(task)!.spawner);
  return births;
}

/** Early is before the setsid of the parent; a sibling that forks it is in its session already. */
function isFirst(task: RestoreTask, { asSibling }: Birth, early: ReadonlySet<RestoreTask>): boolean {
  return early.has(task) && !asSibling;
}

/** Who is forked by its own descendant is never born. */
function checkReached(tasks: readonly RestoreTask[], births: ReadonlyMap<RestoreTask, Birth>): void {
  const reached = tasks.slice(0, 1);
  for (const task of reached) {
    const { first, then } = births.get(task)!;
    reached.push(...first, ...then);
  }
  const born = new Set(reached);
  const lost = tasks.find((task) => !born.has(task));
  if (lost) throw impossible(lost);
}

function addGroupHelpers(tasks: RestoreTask[], origins: Map<RestoreTask, Origin>, externalPgid: number): void {
  const pids = new Set(tasks.map(({ pid }) => pid));
  for (const task of [...tasks]) {
    if (pids.has(task.pgid) || task.pgid === externalPgid || task.pgid === 0) continue;
    // A zombie cannot wait for a helper; its group has a living member or is led by its session, else the number is free to be anything.
    const member = tasks.find((other) => other.pgid === task.pgid && other.kind === 'live') ?? task.parent ?? task;
    const helper = makeHelper(task.pgid, member.sid, task.pgid, member);
    pids.add(helper.pid);
    tasks.splice(tasks.indexOf(member) + 1, 0, helper);
    origins.set(helper, { spawner: member, asSibling: false });
  }
}
