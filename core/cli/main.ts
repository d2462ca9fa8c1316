/** `criu-ts`: reads the command line, runs the command, turns errors into text and exit status. Only this folder prints or exits. */
import { closeSync } from 'node:fs';
import { type Log, writeAll } from '../log.js';
import { CrError } from '../errors.js';
import { loadedNative } from '../kernel/native.js';
import { versionText } from '../version.js';
import { usualPlaces } from '../config/collect.js';
import { type CommandLine, type ParsedLine, readCommandLine, typedLogSettings } from './command-line.js';
import { refusalLog, reportFailure } from './run-context.js';
import type { Command } from '../config/settings.js';

/** One command. The returned number is the exit status. */
export type CommandRunner = (line: CommandLine, keepLog: (log: Log) => void) => Promise<number>;

/** Each command is loaded only when it is called: start-up pays for what it uses (vm-findings.md section 8). */
const RUNNERS: Partial<Record<Command, () => Promise<CommandRunner>>> = {
  show: async () => (await import('./show.js')).runShow,
  encode: async () => (await import('./encode.js')).runEncode,
  dump: async () => (await import('./dump.js')).runDump,
  restore: async () => (await import('./restore.js')).runRestore,
  check: async () => (await import('./check.js')).runCheck,
  stages: async () => (await import('./stages.js')).runStages,
  plugin: async () => (await import('./plugin.js')).runPlugin,
  config: async () => (await import('./config.js')).runConfig,
};

async function loadCommand(command: Command): Promise<CommandRunner> {
  const load = RUNNERS[command];
  if (load === undefined) throw new CrError('CR_NOT_BUILT', { message: `the command ${command} is not built yet`, target: 'not started' });
  return load();
}

/** --close: descriptors that the caller left open by mistake. One that is not open is what was asked for. */
function closeDescriptors(fds: readonly number[]): void {
  for (const fd of fds) {
    try {
      closeSync(fd);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error;
    }
  }
}

/** Runs one command line (without program name). Never throws; the answer is the exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  let line: ParsedLine | undefined;
  let log: Log | undefined;
  try {
    line = await readCommandLine(argv, usualPlaces());
    if (line === 'version') {
      writeAll(1, versionText());
      return 0;
    }
    if (line === 'help') {
      const { helpText } = await import('./help.js');
      writeAll(1, helpText());
      return 0;
    }
    closeDescriptors(line.settings.closeFds ?? []);
    const run = await loadCommand(line.command);
    return await run(line, (opened) => (log = opened));
  } catch (error) {
    if (typeof line === 'object') return reportFailure(error, log, line.settings.engine.logFile !== undefined);
    if (error instanceof CrError && error.code === 'CR_NOT_BUILT') log = refusalLog(() => typedLogSettings(argv).engine);
    return reportFailure(error, log, log !== undefined);
  } finally {
    log?.close();
  }
}

/** Ends the process. Whatever was to be written has been by now, so nothing has to be taken down in order, which takes longer the more memory we used. */
export function end(status: number): never {
  const native = loadedNative();
  if (native !== null) native.exitNow(status);
  process.exit(status);
}
