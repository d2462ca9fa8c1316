/** A tree of processes as far as their births are concerned: frozen ones and those of images alike. */
import { CrError } from '../errors.js';

/** What processes share by birth (kcmp(2)): equal ids mean the same object. */
export interface SharedIds {
  /** Descriptor table, CLONE_FILES. */
  readonly files_id: number;
  /** Working directory, root and umask, CLONE_FS. */
  readonly fs_id: number;
}

/** `helper`: a process that exists only while the tree is made. */
export type TaskKind = 'live' | 'zombie' | 'helper';

export interface PstreeTask<T> {
  readonly kind: TaskKind;
  readonly pid: number;
  readonly sid: number;
  readonly pgid: number;
  readonly parent: T | null;
  readonly threads: readonly { readonly tid: number }[];
  /** Null for zombies and helpers. */
  readonly ids: SharedIds | null;
}

/** Where a task is forked, when that is not simply by its parent. */
export interface Origin<T> {
  readonly spawner: T;
  /** With CLONE_PARENT. */
  readonly asSibling: boolean;
}

/** Numbers and parent of a helper. */
export interface HelperPlace<T> {
  readonly pid: number;
  readonly sid: number;
  readonly pgid: number;
  readonly parent: T;
}

/** What planning needs to know besides the tree. */
export interface Surroundings<T> {
  /** Session and group that exist outside the tree. */
  readonly external: { readonly sid: number; readonly pgid: number };
  /** A pid that nobody has and that is not among the given ones. */
  readonly freePid: (used: ReadonlySet<number>) => number;
  readonly makeHelper: (place: HelperPlace<T>) => T;
}

export function impossible<T extends PstreeTask<T>>(task: T): CrError {
  return new CrError('CR_IMAGE_BAD', {
    message: `is in session ${task.sid}, which it can have neither from its parent ${task.parent!.pid} nor from a process below that`,
    subject: { pid: task.pid },
    target: 'not started',
  });
}
