/** The tree as /proc shows it: exact when every thread is frozen, a plan before that. */
import { CrError } from '../errors.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import { isZombie, PF_KTHREAD, readStat, type Stat } from '../kernel/procfs/stat.js';
import { readStatus, type Status } from '../kernel/procfs/status.js';
import { readChildren, readThreads } from '../kernel/procfs/task-list.js';

export interface TreeNode {
  readonly pid: number;
  readonly parent: TreeNode | null;
  readonly stat: Stat;
  readonly status: Status;
}

/** A tree larger than this is a mistake or an attack, not a target. */
const MAX_PROCESSES = 100_000;

/** Walks the tree, parents first. Processes that vanish meanwhile are left out; a missing root is an error. */
export function walkTree(proc: ProcReader, root: number): TreeNode[] {
  const nodes: TreeNode[] = [];
  const queue: { pid: number; parent: TreeNode | null }[] = [{ pid: root, parent: null }];
  for (let next = queue.shift(); next; next = queue.shift()) {
    const stat = readStat(proc, next.pid);
    const status = readStatus(proc, next.pid);
    if (!stat || !status || stat.state === 'X') continue;
    const node: TreeNode = { pid: next.pid, parent: next.parent, stat, status };
    nodes.push(node);
    if (nodes.length > MAX_PROCESSES)
      throw new CrError('CR_UNSUPPORTED', {
        message: `the tree has more than ${MAX_PROCESSES} processes`,
        subject: { pid: root },
        target: 'running',
      });
    for (const tid of readThreads(proc, next.pid) ?? [])
      for (const child of readChildren(proc, next.pid, tid) ?? []) queue.push({ pid: child, parent: node });
  }
  if (nodes.length === 0) throw noProcess(root);
  return nodes;
}

/** A tree of one process. */
export function readRoot(proc: ProcReader, pid: number): TreeNode {
  const stat = readStat(proc, pid);
  const status = readStatus(proc, pid);
  if (!stat || !status || stat.state === 'X') throw noProcess(pid);
  return { pid, parent: null, stat, status };
}

function noProcess(pid: number): CrError {
  return new CrError('CR_NO_PROCESS', {
    message: 'there is no such process',
    subject: { pid },
    hint: 'Check the pid given with --tree (-t).',
    target: 'not started',
  });
}

/** Refuses roots that can never be dumped. */
export function checkRoot(proc: ProcReader, nodes: readonly TreeNode[]): void {
  const root = nodes[0]!;
  const no = (message: string, hint: string) =>
    new CrError('CR_NO_PROCESS', { message, hint, subject: { pid: root.pid }, target: 'running' });
  if ((root.stat.flags & PF_KTHREAD) !== 0) throw no('is a kernel thread', 'Only user processes can be dumped.');
  if (hasDeadLeader(proc, root)) throw no(DEAD_LEADER, 'Have the main thread stay until the others have ended (pthread_join).');
  if (root.stat.state === 'Z') throw no('is a zombie', 'Its parent must collect it; there is nothing left to dump.');
  const own = ancestry(proc, process.pid);
  const self = nodes.find((node) => own[0] === node.pid);
  if (root.pid === process.pid) throw no('is criu-ts itself', 'Name another process.');
  if (self)
    throw no(
      'is a parent of criu-ts itself, which would be frozen with it',
      'Start criu-ts outside the tree, for example with setsid from another shell.',
    );
}

/** What is said of such a process. */
export const DEAD_LEADER = 'has lost its main thread (pthread_exit(3)) while others of its threads run; not built yet';
/** How long threads of a process that ends as a whole may take to follow their leader, ms. */
const GRACE_MS = 100;
const STEP_MS = 2;

/** /proc shows it as a zombie, and it is none: its other threads run. Those of a process that has just ended are waited for. */
export function hasDeadLeader(proc: ProcReader, { pid, stat }: Pick<TreeNode, 'pid' | 'stat'>): boolean {
  if (!isZombie({ stat })) return false;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let now: Stat | null = stat;
  for (let waited = 0; now !== null && now.numThreads > 1 && waited < GRACE_MS; waited += STEP_MS) {
    Atomics.wait(pause, 0, 0, STEP_MS);
    now = readStat(proc, pid);
  }
  return now !== null && now.starttime === stat.starttime && now.numThreads > 1;
}

/** @throws CR_UNSUPPORTED when the tree stands and a process of it lost its main thread since the pre-flight: it would be taken for a zombie */
export function checkLeaders(proc: ProcReader, nodes: readonly TreeNode[]): void {
  const dead = nodes.find((node) => hasDeadLeader(proc, node));
  if (dead) throw new CrError('CR_UNSUPPORTED', { message: DEAD_LEADER, subject: { pid: dead.pid }, target: 'running' });
}

/** Our pid and those of our parents. */
function ancestry(proc: ProcReader, pid: number): number[] {
  const out: number[] = [];
  for (let at = pid; at > 0 && out.length < 4096; at = readStat(proc, at)?.ppid ?? 0) out.push(at);
  return out;
}
