/**
 * Children that are in the session that their parent was born into. A session leader was born into another session, and its children from before its
 * setsid are still there; if it was forked by a leader in turn, that one's setsid came later, too.
 */
import type { PstreeTask } from './model.js';

export interface BirthSessions<T> {
  /** Tasks that are forked before the setsid of their parent. */
  readonly early: ReadonlySet<T>;
  /** Tasks whose session comes from none of those above them. */
  readonly orphans: readonly T[];
}

/** @param externalSid the session that the root is born into */
export function birthSessions<T extends PstreeTask<T>>(tasks: readonly T[], externalSid: number): BirthSessions<T> {
  const early = new Set<T>();
  const orphans: T[] = [];
  const born = new Map<T, number>();
  for (const task of tasks) {
    const { parent, sid } = task;
    if (!parent || sid === task.pid || sid === parent.sid) continue;
    const leaders = leadersUpTo(task, externalSid);
    if (!leaders?.every((leader) => (born.get(leader) ?? sid) === sid)) {
      orphans.push(task);
      continue;
    }
    for (const leader of leaders) born.set(leader, sid);
    // The uppermost leader is forked by a task that is in the session already, or is the root.
    for (const one of [task, ...leaders.slice(0, -1)]) early.add(one);
  }
  return { early, orphans };
}

/** Those between a task and the session that it is in, from its parent upwards; null when somebody there is no leader and in another session. */
function leadersUpTo<T extends PstreeTask<T>>({ sid, parent }: T, externalSid: number): T[] | null {
  const leaders: T[] = [];
  for (let at = parent; at?.sid !== sid; at = at.parent) {
    if (at === null) return sid === externalSid ? leaders : null;
    if (at.sid !== at.pid) return null;
    leaders.push(at);
  }
  return leaders;
}
