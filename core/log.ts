/**
 * The log of one run, in CRIU's line format: runc, crun and the zdtm suite search log files for "Error" and "Warn". Lines are written
 * synchronously, so that the last line before a crash is in the file. No global log: a Log travels in the run's context.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { CrError } from './errors.js';

/** Numbers as in CRIU's --verbosity: a line is written when its level is at most the verbosity. */
export const LOG_LEVEL = { msg: 0, error: 1, warn: 2, info: 3, debug: 4 } as const;
export type LogLevel = keyof typeof LOG_LEVEL;

/** One line is never longer: /proc text and image strings end up here, and a log must not be a way to fill a disk. */
const MAX_LINE = 4096;
/** Upper bound of lines per run, for the same reason; the last line says that lines are missing. */
const MAX_LINES = 1_000_000;
/** RPC's cr_errmsg holds at most this many bytes (criu.md 4.5). */
const MAX_ERROR_TEXT = 1023;

/** Where complete lines go. */
export type LogSink = (line: string) => void;

export interface Log {
  readonly verbosity: number;
  /** First error text of the run, at most 1023 characters: what RPC reports as cr_errmsg. */
  readonly firstError: string | undefined;
  msg(text: string): void;
  error(text: string): void;
  warn(text: string): void;
  info(text: string): void;
  debug(text: string): void;
  /** True when a line of this level would be written: skip costly texts otherwise. */
  enabled(level: LogLevel): boolean;
  close(): void;
}

export interface LogConfig {
  readonly verbosity: number;
  readonly sink: LogSink;
  readonly close?: () => void;
  /** Monotonic nanoseconds; replaced in tests. Time stamps count from the creation of the log. */
  readonly now?: () => bigint;
  /** Text for "(file:line)" of the caller; replaced in tests. */
  readonly site?: () => string;
}

/** "(SS.UUUUUU) ", as CRIU prints from verbosity 3 up. */
export function timestamp(nanos: bigint): string {
  const micros = nanos / 1000n;
  return `(${String(micros / 1_000_000n).padStart(2, '0')}.${String(micros % 1_000_000n).padStart(6, '0')}) `;
}

/**
 * "module.ts:12" of whoever called the log. Only errors and warnings pay for it. Frames of this file are skipped; in the one-file bundle
 * every frame has that file's name, so there the function name stands in.
 */
function callSite(): string {
  const frames = (new Error().stack ?? '').split('\n').slice(1);
  const frame = frames.find((line) => !/\b_?(callSite|RunLog|logFailure)\b/.test(line) && !/[/(]log\.[jt]s:/.test(line)) ?? '';
  const match = /^\s*at (?:async )?(?:new )?(?:Object\.)?(?:([\w$.]+) \()?(?:file:\/\/)?(?:.*\/)?([\w.-]+):(\d+):\d+\)?$/.exec(frame);
  if (match === null) return 'criu-ts:0';
  const [, name, file, line] = match;
  return `${file === 'criu-ts.cjs' && name !== undefined ? name : (file ?? 'criu-ts')}:${line ?? '0'}`;
}

/** Control characters in names of files and tasks must not fake log lines or reach a terminal as escapes. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

class RunLog implements Log {
  readonly verbosity: number;
  firstError: string | undefined;
  readonly #config: LogConfig;
  readonly #now: () => bigint;
  readonly #start: bigint;
  #lines = 0;

  constructor(config: LogConfig) {
    this.#config = config;
    this.verbosity = config.verbosity;
    this.#now = config.now ?? process.hrtime.bigint;
    this.#start = this.#now();
  }

  enabled(level: LogLevel): boolean {
    return LOG_LEVEL[level] <= this.verbosity;
  }

  msg(text: string): void {
    this.#write('msg', text);
  }

  error(text: string): void {
    this.firstError ??= printable(text).slice(0, MAX_ERROR_TEXT);
    if (this.enabled('error')) this.#write('error', `Error (${(this.#config.site ?? callSite)()}): ${text}`);
  }

  warn(text: string): void {
    if (this.enabled('warn')) this.#write('warn', `Warn  (${(this.#config.site ?? callSite)()}): ${text}`);
  }

  info(text: string): void {
    this.#write('info', text);
  }

  debug(text: string): void {
    this.#write('debug', text);
  }

  close(): void {
    this.#config.close?.();
  }

  #write(level: LogLevel, text: string): void {
    if (!this.enabled(level) || this.#lines > MAX_LINES) return;
    this.#lines++;
    const stamp = this.verbosity >= LOG_LEVEL.info ? timestamp(this.#now() - this.#start) : '';
    const body = this.#lines > MAX_LINES ? 'log: too many lines, the rest is left out' : printable(text);
    const cut = body.length > MAX_LINE ? `${body.slice(0, MAX_LINE)}... (${body.length - MAX_LINE} more characters)` : body;
    this.#config.sink(`${stamp}${cut}\n`);
  }
}

/** Writes a failure: its first line as an error, what the kernel said and what to do below it. */
export function logFailure(log: Log, error: unknown): void {
  const [first = '', ...others] = (error instanceof CrError ? error.report() : String(error)).split('\n');
  log.error(first);
  for (const line of others) log.msg(line);
}

/** A log with the given sink. */
export function createLog(config: LogConfig): Log {
  return new RunLog(config);
}

/** A log that writes nothing but still keeps the first error. The library uses it when the caller named neither log nor file. */
export function silentLog(): Log {
  return createLog({ verbosity: LOG_LEVEL.error, sink: () => undefined });
}

/**
 * Writes all of `text` to a descriptor. A full disk or a closed pipe must not end a run that has processes frozen: such errors are dropped,
 * as nobody could be told. EAGAIN (a non-blocking terminal or pipe of the caller) is retried a bounded number of times.
 */
export function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text, 'utf8');
  for (let tries = 0; rest.length > 0 && tries < 1000;) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      tries++;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

export interface OpenLogOptions {
  readonly verbosity: number;
  /** `-` is standard output, absent is standard error; a relative name lies in `workDir`. */
  readonly logFile?: string;
  readonly workDir: string;
}

/** Opens the log of a command. @throws CrError CR_USAGE when the file cannot be created. */
export function openLog(options: OpenLogOptions): Log {
  if (options.logFile === undefined) return createLog({ verbosity: options.verbosity, sink: (line) => writeAll(2, line) });
  if (options.logFile === '-') return createLog({ verbosity: options.verbosity, sink: (line) => writeAll(1, line) });
  const path = isAbsolute(options.logFile) ? options.logFile : join(options.workDir, options.logFile);
  let fd: number;
  try {
    fd = openSync(path, 'w', 0o600);
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
    throw new CrError('CR_USAGE', {
      message: 'cannot create the log file',
      subject: { path },
      kernel: { call: `openat(AT_FDCWD, "${path}", O_WRONLY|O_CREAT|O_TRUNC)`, errno },
      hint: 'Check --log-file (-o) and --work-dir (-W).',
      target: 'not started',
      cause: error,
    });
  }
  return createLog({ verbosity: options.verbosity, sink: (line) => writeAll(fd, line), close: () => closeSync(fd) });
}
