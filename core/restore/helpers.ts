/** Processes that are not in the images, and exist only while the tree is made. */
import { CrError } from '../errors.js';
import type { RestoreTask } from './model.js';

/** Where a task is forked, when that is not simply by its parent. */
export interface Origin {
  readonly spawner: RestoreTask;
  /** With CLONE_PARENT. */
  readonly asSibling: boolean;
}

export function makeHelper(pid: number, sid: number, pgid: number, parent: RestoreTask): RestoreTask {
  return { kind: 'helper', pid, sid, pgid, parent, children: [], threads: [], core: null, mm: null, ids: null, pages: null };
}

export function impossible(task: RestoreTask): CrError {
  return new CrError('CR_IMAGE_BAD', {
    message: `is in session ${task.sid}, which it can have neither from its parent ${task.parent!.pid} nor from a process below that`,
    subject: { pid: task.pid },
    target: 'not started',
  });
}
