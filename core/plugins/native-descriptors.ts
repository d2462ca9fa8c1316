/** Descriptors between the engine and the helper process of a native part: the one that wants it takes it (pidfd_getfd(2)). */
import { closeSync } from 'node:fs';
import { LocalCalls } from '../kernel/local.js';

let calls: LocalCalls | null = null;

/** A copy of descriptor `fd` of process `pid`, close-on-exec. @throws CrError CR_KERNEL, CR_NO_PERMISSION */
export function takeFrom(pid: number, fd: number): number {
  calls ??= new LocalCalls();
  const subject = { pid, fd };
  const pidfd = calls.must({ why: 'open the process that has the descriptor', subject }, 'pidfd_open', pid, 0);
  try {
    return calls.must({ why: 'take a descriptor over', subject }, 'pidfd_getfd', pidfd, fd, 0);
  } finally {
    closeSync(pidfd);
  }
}
