/** Working directory, root and umask of a task. */
import type { OwnState } from '../../kernel/own-state.js';
import type { Arg } from '../../program/call.js';
import type { Program } from '../../program/program.js';
import { hasCapability } from '../capabilities.js';

/** A task with this root has ours. */
export const NO_CHROOT = '/';

/** Why we cannot give a task this root, or nothing. */
export function rootProblems(root: string, own: OwnState): string[] {
  return root === NO_CHROOT || hasCapability(own.status.caps.effective, 'SYS_CHROOT')
    ? []
    : [`has the root ${root}, and criu-ts has no CAP_SYS_CHROOT to set it: start criu-ts with the capability`];
}

export interface FsNumbers {
  /** Descriptors in the task. */
  readonly cwd: Arg;
  readonly root: Arg | null;
  readonly umask: number | undefined;
}

/** chroot(2) goes by path: the way there is the working directory, so that comes last. */
export function emitFs(p: Program, { cwd, root, umask }: FsNumbers): void {
  if (root !== null) {
    p.sys.fchdir(root).must('go to the root of the task');
    p.sys.chroot(p.cstr('.')).must('set the root');
  }
  p.sys.fchdir(cwd).must('set the working directory');
  if (umask !== undefined) p.sys.umask(umask & 0o777).must('set the umask');
}
