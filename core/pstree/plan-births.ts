/**
 * Sessions and process groups. A session id is got by birth or by setsid(2), so who forks whom, and when, follows from the ids. A task that is in another
 * session than its parent
 *  - was forked before its parent's setsid, and so may its parent have been, up to a task that is in the session (birth-sessions.ts);
 *  - or got its parent when the one that it had ended (orphans.ts).
 * Numbers whose leader is dead are taken by helpers. That of a process group is a child of a member: it calls setpgid(0, 0), stays until all members have
 * joined, and then ends.
 */
import { birthSessions } from './birth-sessions.js';
import { impossible, type Origin, type PstreeTask, type Surroundings } from './model.js';
import { planOrphans } from './orphans.js';
import { checkSpawners, planSharing } from './sharing.js';

/** How a task comes into being. */
export interface Birth<T> {
  readonly task: T;
  /** Who forks it; null for the root. */
  readonly spawner: T | null;
  /** With CLONE_PARENT: its parent is that of its spawner. */
  readonly asSibling: boolean;
  /** Calls setsid after the first group of children. */
  readonly leadsSession: boolean;
  /** Forked before the setsid of the spawner. */
  readonly first: T[];
  /** Forked after it. */
  readonly then: T[];
  /** Gets tasks that a process below it has forked, when that one passes them on. */
  readonly adopts: boolean;
  /** A helper that ends when it has forked, so that what it forked is adopted. */
  readonly passesOn: boolean;
}

/**
 * Plans the births, adding helpers to `tasks` (parents stay before children). Throws CR_IMAGE_BAD for sessions that no tree can have, CR_IMAGE_FEATURE for
 * sharing that no birth gives.
 */
export function planBirths<T extends PstreeTask<T>>(tasks: T[], around: Surroundings<T>): Map<T, Birth<T>> {
  const { early, orphans } = birthSessions(tasks, around.external.sid);
  const plan = planOrphans(tasks, orphans, around);
  addGroupHelpers(tasks, plan.origins, around);
  planSharing(tasks, plan.origins, early);
  const births = new Map<T, Birth<T>>();
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
function isFirst<T>(task: T, { asSibling }: Birth<T>, early: ReadonlySet<T>): boolean {
  return early.has(task) && !asSibling;
}

/** Who is forked by its own descendant is never born. */
function checkReached<T extends PstreeTask<T>>(tasks: readonly T[], births: ReadonlyMap<T, Birth<T>>): void {
  const reached = tasks.slice(0, 1);
  for (const task of reached) {
    const { first, then } = births.get(task)!;
    reached.push(...first, ...then);
  }
  const born = new Set(reached);
  const lost = tasks.find((task) => !born.has(task));
  if (lost) throw impossible(lost);
}

function addGroupHelpers<T extends PstreeTask<T>>(tasks: T[], origins: Map<T, Origin<T>>, { external, makeHelper }: Surroundings<T>): void {
  const pids = new Set(tasks.map(({ pid }) => pid));
  for (const task of [...tasks]) {
    if (pids.has(task.pgid) || task.pgid === external.pgid || task.pgid === 0) continue;
    // A zombie cannot wait for a helper; its group has a living member or is led by its session, else the number is free to be anything.
    const member = tasks.find((other) => other.pgid === task.pgid && other.kind === 'live') ?? task.parent ?? task;
    const helper = makeHelper({ pid: task.pgid, sid: member.sid, pgid: task.pgid, parent: member });
    pids.add(helper.pid);
    tasks.splice(tasks.indexOf(member) + 1, 0, helper);
    origins.set(helper, { spawner: member, asSibling: false });
  }
}
