/**
 * Sessions and process groups. A session id is got by birth or by setsid(2), so who forks whom, and when, follows from the ids: children that
 * are in the session that their parent had before its own setsid are forked before it. Numbers whose leader is dead are taken by helpers:
 *  - a process group: the helper is a child of a member, calls setpgid(0, 0), stays until all members have joined, then ends;
 *  - a session: the helper calls setsid and forks the members with CLONE_PARENT, so that they are children of the right process.
 */
import { CrError } from '../errors.js';
import type { RestoreTask } from './model.js';

/** How a task comes into being. */
export interface Birth {
  readonly task: RestoreTask;
  /** Who forks it; null for the root. With `asSibling` it is a helper, whose parent becomes the parent. */
  readonly spawner: RestoreTask | null;
  readonly asSibling: boolean;
  /** Calls setsid after the first group of children. */
  readonly leadsSession: boolean;
  /** Forked before the setsid of the spawner. */
  readonly first: RestoreTask[];
  /** Forked after it. */
  readonly then: RestoreTask[];
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

/** Plans the births, adding helpers to `tasks` (parents stay before children). `external`: session and group that exist outside the tree. */
export function planBirths(tasks: RestoreTask[], external: { sid: number; pgid: number }): Map<RestoreTask, Birth> {
  const births = new Map<RestoreTask, Birth>();
  const byPid = new Map(tasks.map((task) => [task.pid, task]));
  for (const task of [...tasks]) addBirth(task, tasks, byPid, births, external.sid);
  addGroupHelpers(tasks, byPid, births, external.pgid);
  return births;
}

function addBirth(
  task: RestoreTask,
  tasks: RestoreTask[],
  byPid: Map<number, RestoreTask>,
  births: Map<RestoreTask, Birth>,
  externalSid: number,
): void {
  const leads = task.sid === task.pid;
  const { parent } = task;
  if (!parent || leads || parent.sid === task.sid) return attach(task, parent, false, false, births);
  // The session that the parent was born into is that of its own spawner at that time.
  if (bornIn(parent, births, externalSid) === task.sid) return attach(task, parent, false, true, births);
  const known = byPid.get(task.sid);
  if (known?.kind === 'helper' && known.parent === parent) return attach(task, known, true, false, births);
  if (known)
    throw new CrError('CR_IMAGE_BAD', {
      message: `is in session ${task.sid}, which its parent ${parent.pid} never was in`,
      subject: { pid: task.pid },
      target: 'not started',
    });
  const helper = makeHelper(task.sid, task.sid, task.sid, parent);
  byPid.set(helper.pid, helper);
  tasks.splice(tasks.indexOf(task), 0, helper);
  attach(helper, parent, false, false, births);
  attach(task, helper, true, false, births);
}

/** Session that a task is in before its own setsid. A leader whose children are in another session was born in that one. */
function bornIn(task: RestoreTask, births: Map<RestoreTask, Birth>, externalSid: number): number {
  const spawner = births.get(task)?.spawner;
  if (!spawner) return task.sid === task.pid ? externalSid : task.sid;
  if (task.sid !== task.pid) return task.sid;
  return births.get(spawner)!.first.includes(task) ? bornIn(spawner, births, externalSid) : spawner.sid;
}

function attach(task: RestoreTask, spawner: RestoreTask | null, asSibling: boolean, early: boolean, births: Map<RestoreTask, Birth>): void {
  births.set(task, { task, spawner, asSibling, leadsSession: task.sid === task.pid, first: [], then: [] });
  if (spawner) births.get(spawner)![early ? 'first' : 'then'].push(task);
}

function addGroupHelpers(
  tasks: RestoreTask[],
  byPid: Map<number, RestoreTask>,
  births: Map<RestoreTask, Birth>,
  externalPgid: number,
): void {
  for (const task of [...tasks]) {
    if (byPid.has(task.pgid) || task.pgid === externalPgid || task.pgid === 0) continue;
    // A zombie cannot wait for a helper; its group has a living member or is led by its session, else the number is free to be anything.
    const member = tasks.find((other) => other.pgid === task.pgid && other.kind === 'live') ?? task.parent ?? task;
    const helper = makeHelper(task.pgid, member.sid, task.pgid, member);
    byPid.set(helper.pid, helper);
    tasks.splice(tasks.indexOf(member) + 1, 0, helper);
    attach(helper, member, false, false, births);
  }
}

function makeHelper(pid: number, sid: number, pgid: number, parent: RestoreTask): RestoreTask {
  return { kind: 'helper', pid, sid, pgid, parent, children: [], threads: [], core: null, mm: null, ids: null, pages: null };
}
