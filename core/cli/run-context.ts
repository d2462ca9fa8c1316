/** What every command of the engine gets: a log, a way to be cancelled, progress. */
import { statSync } from 'node:fs';
import { CrError } from '../errors.js';
import { LOG_LEVEL, type Log, logFailure, openLog, printable, writeAll } from '../log.js';
import { DEFAULT_VERBOSITY } from '../options.js';
import { versionText } from '../version.js';
import { type Progress, createProgress } from './progress.js';
import type { EngineSettings } from '../config/settings.js';
import type { CommandLine } from './command-line.js';

export interface RunContext {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Gives SIGINT and SIGTERM back their usual effect. */
  readonly releaseSignals: () => void;
}

/** Options that do nothing are never passed over in silence. */
export function logNotes(log: Log, { notes }: Pick<CommandLine, 'notes'>): void {
  for (const { text, warn } of notes) log[warn ? 'warn' : 'info'](text);
}

/**
 * CRIU goes to both folders before it does anything: a mistyped name must not make it work elsewhere.
 * @throws CrError CR_USAGE when the folder that an option names cannot be entered
 */
export function requireFolder(path: string | undefined, option: string): void {
  if (path === undefined) return;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) return;
  const message = stat === undefined ? 'does not exist' : 'is not a folder';
  throw new CrError('CR_USAGE', { message, subject: { path }, hint: `Name a folder with ${option}.`, target: 'not started' });
}

/**
 * The log file of a command line that was understood and asks for what is not built: CRIU has its log by then, and who runs us looks there for the reason.
 * Undefined when no file was asked for or it cannot be made.
 */
export function refusalLog(read: () => EngineSettings): Log | undefined {
  try {
    const { verbosity = DEFAULT_VERBOSITY, workDir, imagesDir, logFile } = read();
    return logFile === undefined ? undefined : openLog({ verbosity, workDir: workDir ?? imagesDir ?? '.', logFile });
  } catch {
    // The refusal itself is what matters, and it is told on standard error.
    return undefined;
  }
}

/** Opens the log and starts listening for SIGINT and SIGTERM. @throws CrError CR_USAGE when the log file cannot be created */
export function openRun(line: CommandLine): RunContext {
  const { engine } = line.settings;
  requireFolder(engine.workDir, '--work-dir (-W)');
  const log = openLog({
    verbosity: engine.verbosity ?? DEFAULT_VERBOSITY,
    workDir: engine.workDir ?? engine.imagesDir ?? '.',
    ...(engine.logFile === undefined ? {} : { logFile: engine.logFile }),
  });
  for (const text of versionText().trimEnd().split('\n')) log.info(text);
  logNotes(log, line);
  const abort = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    log.warn(`${name}: stopping at the next safe point`);
    abort.abort(new CrError('CR_ABORTED', { message: `stopped by ${name}` }));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const releaseSignals = (): void => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
  return { log, signal: abort.signal, progress: createProgress(), releaseSignals };
}

/** What the user reads about a failure, and what the log says about it. Only a mistake of ours shows a stack, and only in the log. */
export interface FailureText {
  readonly report: string;
  readonly exitCode: number;
  readonly stack: string | undefined;
}

export function describeFailure(error: unknown): FailureText {
  if (error instanceof CrError) return { report: error.report(), exitCode: error.exitCode, stack: undefined };
  const message = error instanceof Error ? error.message : String(error);
  const wrapped = new CrError('CR_INTERNAL', { message, cause: error });
  return { report: wrapped.report(), exitCode: wrapped.exitCode, stack: error instanceof Error ? error.stack : undefined };
}

/**
 * Reports a failure on standard error and in the log. The engine logs its own failures; when the log is standard error, or the engine was never
 * reached, each line must still appear exactly once.
 * @param separate the log is a file of its own
 */
export function reportFailure(error: unknown, log: Log | undefined, separate: boolean): number {
  const { report, exitCode, stack } = describeFailure(error);
  const logged = log?.firstError !== undefined;
  if (separate || !logged || log.verbosity < LOG_LEVEL.error) writeAll(2, `${report.split('\n').map(printable).join('\n')}\n`);
  if (log !== undefined && separate && !logged) logFailure(log, error);
  for (const frame of stack?.split('\n') ?? []) log?.[separate ? 'msg' : 'debug'](frame);
  return exitCode;
}
