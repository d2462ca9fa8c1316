/** The tree when all of it stands. */
import { CrError } from '../errors.js';
import type { CgroupFreezer } from '../kernel/cgroup-freezer.js';
import { freezeInCgroup, freezeTree } from '../kernel/freeze.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import { isZombie } from '../kernel/procfs/stat.js';
import type { TracedProcess } from '../kernel/tracee.js';
import { readRoot, walkTree, type TreeNode } from './tree.js';

/** Walks of a tree in which somebody is born after each. */
const MAX_PASSES = 64;
const HOW = { ptraceOptions: 0 };

export interface FrozenTree {
  /** By pid; zombies are not among them. */
  readonly traced: ReadonlyMap<number, TracedProcess>;
  /** Parents first. */
  readonly nodes: readonly TreeNode[];
}

/**
 * Freezes the tree. A process that still ran may have given a child to its parent (CLONE_PARENT, clone(2)) whose children had been listed already, so the
 * tree is walked again until nobody is found who is not held.
 * @throws CrError when somebody may not be traced or does not stop
 */
export function freezeAll(thread: KernelThread, options: { pid: number; timeoutMs: number }, freezer: CgroupFreezer | null): FrozenTree {
  const { pid, timeoutMs } = options;
  const first = freezer ? freezeInCgroup(thread, pid, HOW, freezer, timeoutMs) : freezeTree(thread, pid, HOW);
  const traced = new Map(first.map((process) => [process.pid, process]));
  const [root] = first;
  // Nobody is there who could give it a child; to ask each of its threads once more takes a tenth of the freeze of thousands.
  if (first.length === 1 && root!.children.length === 0) return { traced, nodes: [readRoot(thread.proc, pid)] };
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const nodes = walkTree(thread.proc, pid);
    const late = nodes.filter((node) => !traced.has(node.pid) && !isZombie(node));
    if (late.length === 0) return { traced, nodes };
    for (const node of late)
      if (!traced.has(node.pid)) for (const process of freezeTree(thread, node.pid, HOW)) traced.set(process.pid, process);
  }
  throw new CrError('CR_FREEZE', { message: 'makes processes faster than they can be stopped', subject: { pid }, target: 'running' });
}
