/**
 * Children that are in the session that their parent was born into. A session leader was born into another session, and its children from before its
 * setsid are still there; if it was forked by a leader in turn, that one's setsid came later, too.
 */
import type { RestoreTask } from './model.js';

export interface BirthSessions {
  /** Tasks that are forked before the setsid of their parent. */
  readonly early: ReadonlySet<RestoreTask>;
  /** Tasks whose session comes from none of those above them. */
  readonly orphans: readonly RestoreTask[];
}

/** @param externalSid the session that the root is born into */
export function birthSessions(tasks: readonly RestoreTask[], externalSid: number): BirthSessions {
  const early = new Set<RestoreTask>();
  const orphans: RestoreTask[] = [];
  const born = new Map<RestoreTask, number>();
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
function leadersUpTo({ sid, parent }: RestoreTask, externalSid: number): RestoreTask[] | null {
  const leaders: RestoreTask[] = [];
  for (let at = parent; at?.sid !== sid; at = at.parent) {
    if (at === null) return sid === externalSid ? leaders : null;
    if (at.sid !== at.pid) return null;
    leaders.push(at);
  }
  return leaders;
}
