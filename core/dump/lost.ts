/** A target that somebody kills while it is dumped: the error that its end caused at some call of ours says little; this one says what happened. */
import { CrError } from '../errors.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import { readStat } from '../kernel/procfs/stat.js';
import { waitForState } from '../kernel/wait-state.js';
import type { TreeNode } from './tree.js';

/** A killed task needs a moment to become a zombie; for other failures this is the time that the report comes later. */
const GRACE_MS = 20;

/**
 * @param error of a dump that failed after the tree was frozen; the tree has been let go
 * @param nodes the tree as the pre-flight saw it, root first
 * @returns CR_TARGET_LOST when the error comes from the end of the root or of a process that was being dumped, else the error itself
 */
export function explainLoss(proc: ProcReader, error: unknown, nodes: readonly TreeNode[]): unknown {
  if (error instanceof CrError && !blamesTarget(error)) return error;
  const [root] = nodes;
  const gone = nodes.find((node) => hasEnded(proc, node));
  if (!root || !gone) return error;
  return new CrError('CR_TARGET_LOST', {
    message: `ended while it was dumped${error instanceof Error ? `, noticed by: ${error.message}` : ''}`,
    subject: { pid: gone.pid },
    target: hasEnded(proc, root) ? 'destroyed' : 'running',
    cause: error,
  });
}

/** What has its own reason, whoever ends meanwhile. */
const OTHER_REASONS: ReadonlySet<string> = new Set(['CR_ABORTED', 'CR_SCRIPT', 'CR_IMAGE_WRITE', 'CR_IMAGE_DIR']);

function blamesTarget({ code, kernel }: CrError): boolean {
  return !OTHER_REASONS.has(code) && kernel?.errno !== 'ENOSPC';
}

/** @throws CR_TARGET_LOST when the root was gone before it could be held: a dead process is no tree */
export function checkRoot(traced: { has(pid: number): boolean }, pid: number): void {
  if (traced.has(pid)) return;
  throw new CrError('CR_TARGET_LOST', { message: 'ended before it was frozen', subject: { pid }, target: 'destroyed' });
}

function hasEnded(proc: ProcReader, { pid, stat }: TreeNode): boolean {
  if (stat.state === 'Z') return false;
  const now = readStat(proc, pid);
  return now?.starttime !== stat.starttime || waitForState(proc, pid, ['Z', 'X', ''], GRACE_MS);
}
