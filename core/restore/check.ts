/** The plan stage: every resource looks at every task, and all that stands in the way is told in one report, before anything exists. */
import { CrError } from '../errors.js';
import type { RestoreRun } from './model.js';

/** Lines of a report; more are counted, not printed. */
const MAX_LINES = 200;

/** Throws CR_RESTORE with every reason. */
export function checkTasks(run: RestoreRun): void {
  const lines: string[] = [];
  for (const task of run.tasks) {
    if (task.kind !== 'live') continue;
    for (const resource of run.hooks.resources)
      for (const line of resource.plan?.(task, run) ?? []) lines.push(`  pid ${task.pid} ${line}`);
  }
  if (lines.length === 0) return;
  const shown = lines.slice(0, MAX_LINES);
  if (lines.length > MAX_LINES) shown.push(`  ... and ${lines.length - MAX_LINES} more`);
  throw new CrError('CR_RESTORE', {
    message: `${lines.length} thing${lines.length === 1 ? '' : 's'} cannot be restored here:\n${shown.join('\n')}`,
    target: 'not started',
  });
}
