/**
 * Tasks that are in a session which none of those above them was in: they got their parent when the one that they had ended. Their session's leader lives,
 * or has ended and waits to be reaped, or is gone; then a helper takes its number, calls setsid, and stays until all is done.
 *  - A leader with the same parent forks them with CLONE_PARENT.
 *  - A leader further down forks a helper, which forks them and ends: the kernel gives them to the next process above that is a subreaper
 *    (PR_SET_CHILD_SUBREAPER, prctl(2)), which the parent to be is for that time.
 */
import { impossible, makeHelper, type Origin } from './helpers.js';
import type { RestoreTask } from './model.js';

export interface OrphanPlan {
  readonly origins: Map<RestoreTask, Origin>;
  readonly adopters: ReadonlySet<RestoreTask>;
  readonly passers: ReadonlySet<RestoreTask>;
}

/**
 * Adds helpers to `tasks`. Throws CR_IMAGE_BAD when an orphan's session cannot have come from where it is.
 * @param freePid a pid that nobody has and that is not among the given ones
 */
export function planOrphans(
  tasks: RestoreTask[],
  orphans: readonly RestoreTask[],
  freePid: (used: ReadonlySet<number>) => number,
): OrphanPlan {
  const leaders = new Map(tasks.map((task) => [task.pid, task]));
  const plan = { origins: new Map<RestoreTask, Origin>(), adopters: new Set<RestoreTask>(), passers: new Set<RestoreTask>() };
  if (orphans.length === 0) return plan;
  for (const helper of deadLeaders(tasks, orphans, leaders)) leaders.set(helper.pid, helper);
  const used = new Set(tasks.flatMap((task) => [task.pid, task.sid, task.pgid, ...task.threads.map(({ tid }) => tid)]));
  const passers = new Map<string, RestoreTask>();
  for (const task of orphans) {
    const leader = leaders.get(task.sid)!;
    if (leader.parent === task.parent) {
      plan.origins.set(task, { spawner: leader, asSibling: true });
      continue;
    }
    if (!pathUp(leader).includes(task.parent!)) throw impossible(task);
    const key = `${leader.pid} ${task.parent!.pid}`;
    let passer = passers.get(key);
    if (!passer) {
      passer = makeHelper(freePid(used), leader.sid, leader.pgid, leader);
      used.add(passer.pid);
      passers.set(key, passer);
      plan.passers.add(passer);
      tasks.splice(tasks.indexOf(leader) + 1, 0, passer);
    }
    plan.origins.set(task, { spawner: passer, asSibling: false });
    plan.adopters.add(task.parent!);
  }
  checkAdopters(orphans, plan);
  return plan;
}

/** A helper for every session without a leader, below the lowest of its orphans' parents: from there they can be passed on to the others. */
function deadLeaders(tasks: RestoreTask[], orphans: readonly RestoreTask[], leaders: ReadonlyMap<number, RestoreTask>): RestoreTask[] {
  const places = new Map<number, RestoreTask>();
  for (const { sid, parent } of orphans) {
    if (leaders.has(sid)) continue;
    const place = places.get(sid);
    if (!place || pathUp(parent!).length > pathUp(place).length) places.set(sid, parent!);
  }
  return [...places].map(([sid, place]) => {
    const helper = makeHelper(sid, sid, sid, place);
    tasks.splice(tasks.indexOf(place) + 1, 0, helper);
    return helper;
  });
}

/** Those above a task, from its parent on. */
function pathUp(task: RestoreTask): RestoreTask[] {
  const path: RestoreTask[] = [];
  for (let at = task.parent; at; at = at.parent) path.push(at);
  return path;
}

/** Adopters are subreapers at the same time, and the first one above a passer gets everything. */
function checkAdopters(orphans: readonly RestoreTask[], { origins, adopters, passers }: OrphanPlan): void {
  for (const task of orphans) {
    const { spawner } = origins.get(task)!;
    if (!passers.has(spawner)) continue;
    if (pathUp(spawner).find((above) => adopters.has(above)) !== task.parent) throw impossible(task);
  }
}
