/** Who shares a descriptor table or folders with whom: the restore (core/restore/sharing.ts) can do that for parent and child, and for siblings. */
import { CrError } from '../errors.js';

const SHARED = [
  { key: 'files_id', what: 'descriptor table (CLONE_FILES)' },
  { key: 'fs_id', what: 'working directory and umask (CLONE_FS)' },
] as const;

/** What of a frozen task the rule needs. */
export interface Sharer {
  readonly pid: number;
  readonly sid: number;
  /** 0 for the root. */
  readonly parent: number;
  readonly files_id: number;
  readonly fs_id: number;
}

/**
 * Throws CR_UNSUPPORTED for a frozen tree that no restore can fork: sharers that are neither parent and child nor siblings in one session.
 * @param tasks parents first
 */
export function checkSharers(tasks: readonly Sharer[]): void {
  const byPid = new Map(tasks.map((task) => [task.pid, task]));
  for (const { key, what } of SHARED) {
    const first = new Map<number, Sharer>();
    for (const task of tasks) {
      if (byPid.get(task.parent)?.[key] === task[key]) continue;
      const other = first.get(task[key]);
      if (other && (other.parent !== task.parent || other.sid !== task.sid))
        throw new CrError('CR_UNSUPPORTED', {
          message: `shares its ${what} with pid ${other.pid}, which is neither its parent nor a sibling in its session; not built yet`,
          subject: { pid: task.pid },
          hint: 'Let one of the two call unshare(2) before the dump.',
          target: 'running',
        });
      if (!other) first.set(task[key], task);
    }
  }
}
