/**
 * `criu-ts restore`: the library's restore() with a log, signals, progress and pidfile around it. Without -d it stays until the root task has
 * ended; its own exit status is then 0 whatever the root's was, as CRIU's is (a caller that needs the root's status restores with -S and waits).
 */
import { writeAll } from '../log.js';
import type { RestoreResult } from '../options.js';
import { restore } from '../restore/run.js';
import type { CommandLine } from './command-line.js';
import type { CommandRunner } from './main.js';
import { type Pidfile, reservePidfile } from './pidfile.js';
import { type RunContext, openRun } from './run-context.js';
import { restoreOptions } from '../config/settings.js';
import { startAnew } from './start-anew.js';
import { printStats } from './stats-text.js';

/** What a dry run found out, for standard output. */
function dryRunText({ pid, tasks, threads }: RestoreResult): string {
  return `Process ${pid} can be restored: ${tasks} process${tasks === 1 ? '' : 'es'}, ${threads} thread${threads === 1 ? '' : 's'}. Nothing was created.\n`;
}

/** The restore itself. When it fails, the pidfile goes with everything else. */
async function bringBack(line: CommandLine, run: RunContext): Promise<RestoreResult> {
  const { settings } = line;
  const { engine } = settings;
  let pidfile: Pidfile | undefined;
  if (settings.pidfile !== undefined && engine.dryRun !== true) {
    pidfile = reservePidfile(settings.pidfile, engine.workDir ?? engine.imagesDir ?? '.');
  }
  const again = startAnew(run.log, () => pidfile?.discard());
  try {
    const { log, signal, progress } = run;
    const result = await restore(
      restoreOptions(settings, { log, signal, onProgress: progress.update, exitWhenStuck: true, startAnew: again }),
    );
    pidfile?.write(result.pid);
    return result;
  } catch (error) {
    pidfile?.discard();
    throw error;
  }
}

export const runRestore: CommandRunner = async (line, keepLog) => {
  const { settings } = line;
  const run = openRun(line);
  keepLog(run.log);
  try {
    const result = await bringBack(line, run);
    run.progress.clear();
    if (settings.engine.dryRun === true) writeAll(1, dryRunText(result));
    else if (settings.displayStats === true) printStats('stats-restore', settings);
    // The tree runs: from here on ^C ends only us.
    run.releaseSignals();
    await result.exited?.();
    return 0;
  } finally {
    run.progress.clear();
    run.releaseSignals();
  }
};
