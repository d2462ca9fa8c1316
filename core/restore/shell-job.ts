/** --shell-job: a tree whose session and process group are led from outside is put into those of the restorer. */
import { CrError } from '../errors.js';

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
