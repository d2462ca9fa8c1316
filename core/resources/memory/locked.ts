/** How much of the memory may be locked (mlock(2), RLIMIT_MEMLOCK). The locks themselves are made with the mappings (restore.ts). */
import type { OwnState } from '../../kernel/own-state.js';
import { RLIM_INFINITY } from '../../kernel/procfs/limits.js';
import { hasCapability } from '../capabilities.js';
import type { TaskResource } from '../resource.js';
import { MAP } from './vma-bits.js';

const RLIMIT_MEMLOCK = 8;

/** Why so much cannot be locked by us, or nothing. Limits of the tree count later: it has what it locked before it has them. */
export function lockProblems(bytes: bigint, own: OwnState): string[] {
  const limit = own.limits[RLIMIT_MEMLOCK]!.hard;
  if (bytes === 0n || limit === RLIM_INFINITY || bytes <= limit || hasCapability(own.status.caps.effective, 'IPC_LOCK')) return [];
  return [
    `has ${bytes} bytes of locked memory, and criu-ts may lock ${limit} and has no CAP_IPC_LOCK: ` +
      'start criu-ts with a higher limit (ulimit -H -l), or with the capability',
  ];
}

export const lockedMemory: TaskResource = {
  name: 'locked-memory',
  foresee: ({ status }, own) => lockProblems(BigInt(status.vm?.locked ?? 0), own),
  plan: ({ mm }, run) => {
    const locked = (mm?.vmas ?? []).filter((vma) => (vma.flags & MAP.locked) !== 0);
    return lockProblems(
      locked.reduce((sum, vma) => sum + vma.end - vma.start, 0n),
      run.own,
    );
  },
};
