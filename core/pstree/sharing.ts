/**
 * Descriptor tables (CLONE_FILES) and folders with umask (CLONE_FS) that processes share. One gets them from the process that forks it, so of all that
 * share something each but one must be forked by another of them. A sibling can do that, with CLONE_PARENT (clone(2)).
 */
import { CrError } from '../errors.js';
import type { Origin, PstreeTask, SharedIds } from './model.js';

const SHARED = [
  { key: 'files_id', what: 'descriptor table (CLONE_FILES)' },
  { key: 'fs_id', what: 'working directory and umask (CLONE_FS)' },
] as const;

type Ids = SharedIds | null | undefined;

/** Lets siblings fork those that share with them and not with their spawner. Adds to `origins`. `early`: forked before the setsid of their parent. */
export function planSharing<T extends PstreeTask<T>>(tasks: readonly T[], origins: Map<T, Origin<T>>, early: ReadonlySet<T>): void {
  const heads = new Map<string, T[]>();
  for (const task of tasks) {
    if (!task.ids || !task.parent) continue;
    for (const { key } of SHARED) {
      if (sharedWith(task.parent.ids, task.ids, key) && !origins.has(task)) continue;
      const id = `${task.parent.pid} ${key} ${task.ids[key]}`;
      const siblings = heads.get(id);
      if (siblings) siblings.push(task);
      else heads.set(id, [task]);
    }
  }
  for (const siblings of heads.values()) {
    // Who stands first forks the others, and its own birth stays what it was.
    const first = siblings.find((task) => !origins.has(task));
    for (const task of siblings) {
      if (!first || task === first || origins.has(task) || early.has(task) !== early.has(first)) continue;
      if (canFork(first, task, origins)) origins.set(task, { spawner: first, asSibling: true });
    }
  }
}

/** Not one that has an origin: who was forked by a passing helper is not yet the child of its parent when it forks. */
function canFork<T extends PstreeTask<T>>(first: T, task: T, origins: ReadonlyMap<T, Origin<T>>): boolean {
  if (first.sid !== task.sid || origins.has(first)) return false;
  return SHARED.every(({ key }) => !sharedWith(task.parent!.ids, task.ids, key) || sharedWith(first.ids, task.ids, key));
}

function sharedWith(a: Ids, b: Ids, key: (typeof SHARED)[number]['key']): boolean {
  return a?.[key] !== undefined && a[key] === b?.[key];
}

/**
 * Throws CR_IMAGE_FEATURE when two share something that neither gets by birth.
 * @param spawnerOf who forks a task; null for the root
 */
export function checkSpawners<T extends PstreeTask<T>>(tasks: readonly T[], spawnerOf: (task: T) => T | null): void {
  for (const { key, what } of SHARED) {
    const first = new Map<number, T>();
    for (const task of tasks) {
      const id = task.ids?.[key];
      if (id === undefined || sharedWith(spawnerOf(task)?.ids, task.ids, key)) continue;
      const other = first.get(id);
      if (other)
        throw new CrError('CR_IMAGE_FEATURE', {
          message: `shares its ${what} with pid ${other.pid}, which it cannot get from the process that forks it; not built yet`,
          subject: { pid: task.pid },
          hint: 'Let one of the two call unshare(2) before the dump.',
          target: 'not started',
        });
      first.set(id, task);
    }
  }
}
