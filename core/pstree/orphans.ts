/**
 * Tasks that are in a session which none of those above them was in: they got their parent when the one that they had ended. Their session's leader lives,
 * or has ended and waits to be reaped, or is gone; then a helper takes its number, calls setsid, and stays until all is done.
 *  - A leader with the same parent forks them with CLONE_PARENT.
 *  - A leader further down forks a helper, which forks them and ends: the kernel gives them to the next process above that is a subreaper
 *    (PR_SET_CHILD_SUBREAPER, prctl(2)), which the parent to be is for that time.
 */
import { impossible, type Origin, type PstreeTask, type Surroundings } from './model.js';

export interface OrphanPlan<T> {
  readonly origins: Map<T, Origin<T>>;
  readonly adopters: ReadonlySet<T>;
  readonly passers: ReadonlySet<T>;
}

/**
 * Adds helpers to `tasks`. Throws CR_IMAGE_BAD when an orphan's session cannot have come from where it is.
 */
export function planOrphans<T extends PstreeTask<T>>(tasks: T[], orphans: readonly T[], around: Surroundings<T>): OrphanPlan<T> {
  const { freePid, makeHelper } = around;
  const leaders = new Map(tasks.map((task) => [task.pid, task]));
  const plan = { origins: new Map<T, Origin<T>>(), adopters: new Set<T>(), passers: new Set<T>() };
  if (orphans.length === 0) return plan;
  for (const helper of deadLeaders(tasks, orphans, leaders, around)) leaders.set(helper.pid, helper);
  const used = new Set(tasks.flatMap((task) => [task.pid, task.sid, task.pgid, ...task.threads.map(({ tid }) => tid)]));
  const passers = new Map<string, T>();
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
      passer = makeHelper({ pid: freePid(used), sid: leader.sid, pgid: leader.pgid, parent: leader });
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
function deadLeaders<T extends PstreeTask<T>>(
  tasks: T[],
  orphans: readonly T[],
  leaders: ReadonlyMap<number, T>,
  { makeHelper }: Surroundings<T>,
): T[] {
  const places = new Map<number, T>();
  for (const { sid, parent } of orphans) {
    if (leaders.has(sid)) continue;
    const place = places.get(sid);
    if (!place || pathUp(parent!).length > pathUp(place).length) places.set(sid, parent!);
  }
  return [...places].map(([sid, place]) => {
    const helper = makeHelper({ pid: sid, sid, pgid: sid, parent: place });
    tasks.splice(tasks.indexOf(place) + 1, 0, helper);
    return helper;
  });
}

/** Those above a task, from its parent on. */
function pathUp<T extends PstreeTask<T>>(task: T): T[] {
  const path: T[] = [];
  for (let at = task.parent; at; at = at.parent) path.push(at);
  return path;
}

/** Adopters are subreapers at the same time, and the first one above a passer gets everything. */
function checkAdopters<T extends PstreeTask<T>>(orphans: readonly T[], { origins, adopters, passers }: OrphanPlan<T>): void {
  for (const task of orphans) {
    const { spawner } = origins.get(task)!;
    if (!passers.has(spawner)) continue;
    if (pathUp(spawner).find((above) => adopters.has(above)) !== task.parent) throw impossible(task);
  }
}
