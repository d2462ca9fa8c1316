/** `criu-ts check`: prints what the library's check() found, in CRIU's wording where scripts read it. */
import { check, featureNames } from '../check/run.js';
import { openLog, writeAll } from '../log.js';
import { type CheckReport, DEFAULT_VERBOSITY } from '../options.js';
import type { CommandRunner } from './main.js';
import { logNotes, requireFolder } from './run-context.js';
import { checkOptions } from '../config/settings.js';

const GOOD = 'Looks good.';
const BAD = 'Does not look good.';
const MAYBE = 'Looks good but some kernel features are missing\nwhich, depending on your process tree, may cause\ndump or restore failure.';

/** Text for standard output: every missing thing with what was tried and what cannot be done without it. */
export function checkText(report: CheckReport, feature: string | undefined): string {
  if (feature !== undefined && report.ok) return `${feature} is supported\n`;
  const lines: string[] = [];
  for (const { name, supported, detail, matters } of report.features) {
    if (supported) continue;
    lines.push(`${name} is not supported: ${detail}`, `  Without it: ${matters}`);
  }
  if (feature === undefined) lines.push(report.fatal.length > 0 ? BAD : report.ok ? GOOD : MAYBE);
  return `${lines.join('\n')}\n`;
}

export const runCheck: CommandRunner = async (line, keepLog) => {
  const { engine } = line.settings;
  if (engine.feature === 'list') {
    writeAll(1, `${featureNames().join('\n')}\n`);
    return 0;
  }
  requireFolder(engine.imagesDir, '--images-dir (-D)');
  requireFolder(engine.workDir, '--work-dir (-W)');
  const log = openLog({
    verbosity: engine.verbosity ?? DEFAULT_VERBOSITY,
    workDir: engine.workDir ?? engine.imagesDir ?? '.',
    ...(engine.logFile === undefined ? {} : { logFile: engine.logFile }),
  });
  keepLog(log);
  logNotes(log, line);
  const report = await check(checkOptions(line.settings, { log }));
  writeAll(1, checkText(report, engine.feature));
  return report.ok ? 0 : 1;
};
