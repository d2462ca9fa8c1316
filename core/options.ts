/**
 * Options and results of the library functions, shared with the command line (core/config/options-table.ts maps CRIU's option names onto
 * these fields). Every field but the essential one is optional; `resolve*Options` fills in CRIU's defaults.
 */
import { CrError } from './errors.js';
import type { PluginEntry, PluginRequest } from './config/plugin-request.js';
import type { Log } from './log.js';
import type { ProgramObserver } from './program/observer.js';

/** What a long operation is doing. Sent at stage borders and, for data, at most about ten times a second. */
export interface ProgressEvent {
  /** Name of the stage in core/stages.ts. */
  readonly stage: string;
  /** Units done and expected in this stage: bytes for memory, processes for the rest. Absent when unknown. */
  readonly done?: number;
  readonly total?: number;
}

/** Options that every command has. */
export interface CommonOptions {
  /** Folder of the images (-D). Default: the current folder. */
  readonly imagesDir?: string;
  /** Folder of log and stats (-W). Default: `imagesDir`. */
  readonly workDir?: string;
  /** Log file (-o), relative to the work dir; `-` is standard output. Default: standard error for the command, none for the library. */
  readonly logFile?: string;
  /** 0 messages only, 1 errors, 2 warnings (default), 3 information, 4 debugging (-v). */
  readonly verbosity?: number;
  /** A log that the caller made; then `logFile` and `verbosity` are not looked at. */
  readonly log?: Log;
  /** Programs run at the points of core/scripts.ts; the last one runs first. */
  readonly actionScripts?: readonly string[];
  /** Limit for freezing the tree, in milliseconds (--timeout takes seconds). Default 10000; 0 means none. */
  readonly timeoutMs?: number;
  /** The whole pre-flight, but nothing is frozen, created or written. */
  readonly dryRun?: boolean;
  /** Folder that gets every syscall program with its results, for debugging. */
  readonly tracePrograms?: string;
  /** Folder that gets every syscall program as a stand-alone C file, for review, strace and gdb. */
  readonly emitC?: string;
  /** Sees every syscall program instead of those folders: for tests that make calls fail. */
  readonly observer?: ProgramObserver;
  /** Accept a session or terminal whose leader is outside the tree (-j). */
  readonly shellJob?: boolean;
  /** Accept a device that is reachable by its number but not by its path. */
  readonly evasiveDevices?: boolean;
  /** How a file is recognised at restore: by its size, and by the build id if it is an ELF file that has one. Default `buildid`, as in CRIU. */
  readonly fileValidation?: 'filesize' | 'buildid';
  /** Plugins to load, the most important first (--enable-plugin): names, paths (relative to the working folder), plugins, or [plugin, options]. */
  readonly plugins?: readonly (PluginEntry | PluginRequest)[];
  /** Names of plugins that are not loaded, wherever they are found (--disable-plugin). */
  readonly disabledPlugins?: readonly string[];
  /** Folders with plugins (--plugin-dir, -L, CRIU_LIBS_DIR), the first one first. */
  readonly pluginDirs?: readonly string[];
  /** Names of plugins: of several that claim one object, the one named first gets it. */
  readonly pluginRanking?: readonly string[];
  /**
   * The command sets it: when a plugin blocks the event loop long after its deadline, the process ends with 1. (The tree was let go before that.) A program that
   * uses the library is not ended; its event loop stays blocked.
   */
  readonly exitWhenStuck?: boolean;
  /** Aborting ends the operation at the next safe point: a dump leaves the target running, a restore removes what it made. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: ProgressEvent) => void;
}

export interface DumpOptions extends CommonOptions {
  /** Root of the tree (-t). */
  readonly pid: number;
  /** The tree goes on after the dump (-R). Default: it is killed. */
  readonly leaveRunning?: boolean;
  /** Programs in tasks run op by op from outside, by ptrace: slow, for debugging. */
  readonly step?: boolean;
  /** The tree stays stopped after the dump (-s). */
  readonly leaveStopped?: boolean;
  /** Cgroup folder that holds the whole tree; its freezer is used instead of ptrace alone. */
  readonly freezeCgroup?: string;
  /** Biggest deleted file whose content is put into the images, in bytes. Default 1 MiB. */
  readonly ghostLimit?: number;
  /** Keep the holes of deleted files by asking fiemap. Default true. */
  readonly ghostFiemap?: boolean;
  /** Give deleted files that still have other names a temporary link. */
  readonly linkRemap?: boolean;
  /** Dump file locks (-l). */
  readonly fileLocks?: boolean;
}

export interface RestoreOptions extends CommonOptions {
  /** Do not wait for the restored root (-d). The library never waits. */
  readonly detached?: boolean;
  /** The restored root becomes a child of our parent (-S). */
  readonly sibling?: boolean;
  /** Stop the tree right after the restore (-s). */
  readonly leaveStopped?: boolean;
  /** Names of plugins that the images need and that the restore goes on without (--allow-missing-plugin). */
  readonly allowMissingPlugins?: readonly string[];
  /** Do not compare the permission bits of files with those at dump time. */
  readonly skipFileRwxCheck?: boolean;
  /**
   * The command sets it: called when a thread of this process has a number that the tree needs, after everything was taken back and before anything is
   * logged as failed, with all numbers of the tree. It executes the command again; when it returns, the restore fails with CR_PID_OWN.
   */
  readonly startAnew?: (numbers: readonly number[], error: CrError) => void;
}

export interface CheckOptions {
  /** One feature of criu.md section 7; absent means the whole check. */
  readonly feature?: string;
  /** Also what some programs need (category 2). */
  readonly extra?: boolean;
  /** Also experimental features (category 3). */
  readonly experimental?: boolean;
  readonly log?: Log;
  readonly verbosity?: number;
}

export interface DumpResult {
  /** Root of the dumped tree, in our pid namespace. */
  readonly pid: number;
  readonly state: 'running' | 'stopped' | 'destroyed';
  /** Processes and threads in the images. */
  readonly tasks: number;
  readonly threads: number;
  /** Bytes of memory written to pages files. */
  readonly bytes: number;
  /** Microseconds between "whole tree frozen" and "tasks in their final state". */
  readonly frozenMicros: number;
}

export interface RestoreResult {
  /** Root of the restored tree, in our pid namespace. */
  readonly pid: number;
  readonly tasks: number;
  readonly threads: number;
  /** Resolves when the root has ended and was reaped. Absent when it is not our child (`sibling`) or `detached` was asked for. */
  readonly exited?: () => Promise<void>;
}

/** One probed feature. */
export interface FeatureReport {
  readonly name: string;
  readonly supported: boolean;
  /** What was tried and what the kernel answered. */
  readonly detail: string;
  /** What cannot be done without it. */
  readonly matters: string;
}

export interface CheckReport {
  /** True when nothing that was asked for is missing. */
  readonly ok: boolean;
  readonly features: readonly FeatureReport[];
  /** Names in `features` whose absence makes dump or restore impossible. */
  readonly fatal: readonly string[];
}

/** A copy of T in which `Keys` are always set. */
type With<T, Keys extends keyof T> = T & { readonly [K in Keys]-?: NonNullable<T[K]> };

export type ResolvedDumpOptions = With<
  DumpOptions,
  | 'imagesDir'
  | 'workDir'
  | 'verbosity'
  | 'actionScripts'
  | 'timeoutMs'
  | 'dryRun'
  | 'shellJob'
  | 'leaveRunning'
  | 'leaveStopped'
  | 'ghostLimit'
  | 'ghostFiemap'
  | 'linkRemap'
  | 'fileLocks'
  | 'evasiveDevices'
  | 'fileValidation'
>;

export type ResolvedRestoreOptions = With<
  RestoreOptions,
  | 'imagesDir'
  | 'workDir'
  | 'verbosity'
  | 'actionScripts'
  | 'timeoutMs'
  | 'dryRun'
  | 'shellJob'
  | 'detached'
  | 'sibling'
  | 'leaveStopped'
  | 'skipFileRwxCheck'
  | 'fileValidation'
  | 'evasiveDevices'
>;

/** CRIU's default for --timeout. */
export const DEFAULT_TIMEOUT_MS = 10_000;
/** CRIU's default for --verbosity: warnings and errors. */
export const DEFAULT_VERBOSITY = 2;
/** CRIU's default for --ghost-limit. */
export const DEFAULT_GHOST_LIMIT = 1 << 20;

/** The kernel's PID_MAX_LIMIT (include/linux/threads.h) on 64-bit: no pid can be bigger. */
const PID_MAX_LIMIT = 1 << 22;

function usage(message: string, hint: string): CrError {
  return new CrError('CR_USAGE', { message, hint, target: 'not started' });
}

const commonDefaults = (options: CommonOptions) => ({
  imagesDir: options.imagesDir ?? '.',
  workDir: options.workDir ?? options.imagesDir ?? '.',
  verbosity: options.verbosity ?? DEFAULT_VERBOSITY,
  actionScripts: options.actionScripts ?? [],
  timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  dryRun: options.dryRun ?? false,
  shellJob: options.shellJob ?? false,
  fileValidation: options.fileValidation ?? 'buildid',
  evasiveDevices: options.evasiveDevices ?? false,
});

/** Fills in defaults. @throws CrError CR_USAGE for a pid that cannot exist or a final state that contradicts itself. */
export function resolveDumpOptions(options: DumpOptions): ResolvedDumpOptions {
  if (!Number.isInteger(options.pid) || options.pid <= 0 || options.pid > PID_MAX_LIMIT) {
    throw usage(`"${options.pid}" cannot be a process id`, 'Give the pid of the root of the tree with --tree (-t).');
  }
  if (options.leaveRunning === true && options.leaveStopped === true) {
    throw usage('--leave-running and --leave-stopped contradict each other', 'Give one of them.');
  }
  return {
    ...options,
    ...commonDefaults(options),
    leaveRunning: options.leaveRunning ?? false,
    leaveStopped: options.leaveStopped ?? false,
    ghostLimit: options.ghostLimit ?? DEFAULT_GHOST_LIMIT,
    ghostFiemap: options.ghostFiemap ?? true,
    linkRemap: options.linkRemap ?? false,
    fileLocks: options.fileLocks ?? false,
  };
}

/** Fills in defaults. @throws CrError CR_USAGE when --restore-sibling is asked for without --restore-detached: nobody could wait for it. */
export function resolveRestoreOptions(options: RestoreOptions): ResolvedRestoreOptions {
  if (options.sibling === true && options.detached !== true) {
    throw usage('--restore-sibling needs --restore-detached', 'A sibling is waited for by our parent: add -d.');
  }
  return {
    ...options,
    ...commonDefaults(options),
    detached: options.detached ?? false,
    sibling: options.sibling ?? false,
    leaveStopped: options.leaveStopped ?? false,
    skipFileRwxCheck: options.skipFileRwxCheck ?? false,
  };
}
