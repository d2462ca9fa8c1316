/** `criu-ts dump`: the library's dump() with a log, signals and progress around it. */
import { writeAll } from '../log.js';
import { dump } from '../dump/run.js';
import type { DumpResult } from '../options.js';
import type { CommandRunner } from './main.js';
import { openRun } from './run-context.js';
import { dumpOptions } from '../config/settings.js';
import { printStats } from './stats-text.js';

/** What a dry run found out, for standard output. */
function dryRunText({ pid, tasks, threads }: DumpResult): string {
  return `Process ${pid} can be dumped: ${tasks} process${tasks === 1 ? '' : 'es'}, ${threads} thread${threads === 1 ? '' : 's'}. Nothing was touched.\n`;
}

export const runDump: CommandRunner = async (line, keepLog) => {
  const { settings } = line;
  const run = openRun(line);
  keepLog(run.log);
  try {
    const result = await dump(
      dumpOptions(settings, { log: run.log, signal: run.signal, onProgress: run.progress.update, exitWhenStuck: true }),
    );
    run.progress.clear();
    if (settings.engine.dryRun === true) writeAll(1, dryRunText(result));
    else if (settings.displayStats === true) printStats('stats-dump', settings);
    return 0;
  } finally {
    run.progress.clear();
    run.releaseSignals();
  }
};
