/**
 * Every error a user can see is a CrError: a code from one table, the thing, the cause and the next step (core/docs/errors.md is generated
 * from the table). Nothing is printed here; core/cli does that.
 */

/** What happened to the processes that the command was pointed at, at the moment the error left us. */
export type TargetState = 'running' | 'frozen' | 'not started' | 'destroyed' | 'stopped';

/** The thing an error is about. Only what is known is set. */
export interface ErrorSubject {
  readonly pid?: number;
  readonly tid?: number;
  readonly fd?: number;
  readonly path?: string;
  /** Address in the target, printed in hex. */
  readonly addr?: number | bigint;
  /** Byte offset in `path`, for image errors. */
  readonly offset?: number | bigint;
  readonly what?: string;
}

/** What the kernel answered. */
export interface KernelCause {
  /** System call with its arguments as text, e.g. `openat(AT_FDCWD, "x", O_RDONLY)`. */
  readonly call: string;
  /** Symbolic errno, e.g. `ENOENT`. */
  readonly errno: string;
}

interface CodeInfo {
  readonly meaning: string;
  readonly fix: string;
}

/** The table of codes. Adding one here makes it usable, documented and tested. */
export const ERROR_CODES = {
  CR_USAGE: {
    meaning: 'The command line, a config file or an option value is wrong.',
    fix: 'Read the message; `criu-ts --help` lists the options.',
  },
  CR_NOT_BUILT: {
    meaning: 'A CRIU option or command exists there but is not built here yet.',
    fix: 'Leave the option out, or use CRIU for this case.',
  },
  CR_NO_PROCESS: { meaning: 'The process to dump does not exist or cannot be a target.', fix: 'Check the pid given with --tree.' },
  CR_NO_PERMISSION: {
    meaning: 'The kernel denied an operation that needs a privilege.',
    fix: 'Run as root, or grant the capability that is named.',
  },
  CR_UNSUPPORTED: {
    meaning: 'The tree holds objects that cannot be checkpointed yet.',
    fix: 'Each line of the report says what to do about the object.',
  },
  CR_FREEZE: { meaning: 'The tree could not be frozen in time.', fix: 'Raise --timeout, or look at the task that is named.' },
  CR_TARGET_LOST: {
    meaning: 'A target process vanished or was changed by somebody else during the operation.',
    fix: 'Find out who killed or traced it and try again.',
  },
  CR_REMOTE: {
    meaning: 'A system call made inside a target failed.',
    fix: 'The call and errno are named; check limits and seccomp of the target.',
  },
  CR_KERNEL: { meaning: 'A system call failed.', fix: 'The call and errno are named.' },
  CR_KERNEL_FEATURE: {
    meaning: 'The kernel lacks a feature that this operation needs.',
    fix: '`criu-ts check` tells which features exist.',
  },
  CR_IMAGE_MISSING: {
    meaning: 'An image file that must exist does not.',
    fix: 'The set is incomplete: dump again or copy the missing file.',
  },
  CR_IMAGE_BAD: {
    meaning: 'An image file is truncated, damaged or not what it claims to be.',
    fix: 'Dump again; file and offset are named.',
  },
  CR_IMAGE_FEATURE: { meaning: 'An image uses a format feature that is not known here.', fix: 'Restore with the tool that wrote it.' },
  CR_IMAGE_WRITE: { meaning: 'Images could not be written.', fix: 'Free space or choose another folder.' },
  CR_IMAGE_DIR: { meaning: 'The image folder cannot be used.', fix: 'Check --images-dir.' },
  CR_PID_TAKEN: {
    meaning: 'A pid that the restore needs is in use.',
    fix: 'End the process that holds it, or restore in a new pid namespace.',
  },
  CR_PID_OWN: {
    meaning: 'A pid that the restore needs is that of the restoring process, or of one of its threads.',
    fix: 'Restore again, from a new process: it gets other numbers.',
  },
  CR_FILE_CHANGED: {
    meaning: 'A file that the restore needs is missing or differs from dump time.',
    fix: 'Bring back the file as it was.',
  },
  CR_RESTORE: { meaning: 'The restore failed; everything created was removed again.', fix: 'The cause is named.' },
  CR_SCRIPT: { meaning: 'An action script failed.', fix: 'Look at the script that is named.' },
  CR_PLUGIN: {
    meaning: 'A plugin failed, hung, or does not do what its manifest says.',
    fix: 'Plugin, hook and place are named: ask its author, or leave it out with --disable-plugin.',
  },
  CR_PLUGIN_VERSION: {
    meaning: 'A plugin is there, but of a version that this criu-ts or this request cannot use.',
    fix: 'The version found and the one needed are named: install one that fits.',
  },
  CR_PLUGIN_MISSING: {
    meaning: 'A plugin that the checkpoint needs, or that was asked for, cannot be had here.',
    fix: 'Each line says what is missing and how to get it; `criu-ts plugin check DIR` gives the same verdict.',
  },
  CR_ABORTED: { meaning: 'The operation was cancelled.', fix: 'Nothing to do; the state of the target is named.' },
  CR_INTERNAL: { meaning: 'A mistake in criu-ts.', fix: 'Please report it with the log.' },
} as const satisfies Record<string, CodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface CrErrorFields {
  readonly message: string;
  readonly subject?: ErrorSubject;
  readonly kernel?: KernelCause;
  /** The next step; falls back to the table's usual fix. */
  readonly hint?: string;
  readonly target?: TargetState;
  /** Exit status of the command; 1 unless said otherwise. */
  readonly exitCode?: number;
  readonly cause?: unknown;
}

function subjectText(s: ErrorSubject): string {
  const parts: string[] = [];
  if (s.pid !== undefined) parts.push(`pid ${s.pid}`);
  if (s.tid !== undefined && s.tid !== s.pid) parts.push(`tid ${s.tid}`);
  if (s.fd !== undefined) parts.push(`fd ${s.fd}`);
  if (s.path !== undefined) parts.push(s.path);
  if (s.offset !== undefined) parts.push(`at byte ${s.offset}`);
  if (s.addr !== undefined) parts.push(`0x${s.addr.toString(16)}`);
  if (s.what !== undefined) parts.push(s.what);
  return parts.join(' ');
}

/** Says that an object is a CrError, also when the class that made it is the copy in a plugin's SDK. */
const CR_ERROR = Symbol.for('criu-ts.error');

/** An error for users. `message` is one line that already names the subject. */
export class CrError extends Error {
  static override [Symbol.hasInstance](value: unknown): value is CrError {
    return typeof value === 'object' && value !== null && CR_ERROR in value;
  }

  readonly [CR_ERROR] = true;
  override readonly name = 'CrError';
  readonly code: ErrorCode;
  readonly subject: ErrorSubject;
  readonly kernel: KernelCause | undefined;
  readonly hint: string;
  readonly target: TargetState | undefined;
  readonly exitCode: number;

  constructor(code: ErrorCode, fields: CrErrorFields) {
    const subject = fields.subject ? subjectText(fields.subject) : '';
    super(subject === '' ? fields.message : `${subject}: ${fields.message}`, { cause: fields.cause });
    this.code = code;
    this.subject = fields.subject ?? {};
    this.kernel = fields.kernel;
    this.hint = fields.hint ?? ERROR_CODES[code].fix;
    this.target = fields.target;
    this.exitCode = fields.exitCode ?? 1;
  }

  /** The full report: what, what the kernel said, what state the target is in, what to do. */
  report(): string {
    const lines = [`${this.code}  ${this.message}`];
    if (this.kernel) lines.push(`  ${this.kernel.call} = ${this.kernel.errno}`);
    const state = this.target ? `target: ${this.target}.  ` : '';
    lines.push(`  ${state}Try: ${this.hint}`);
    return lines.join('\n');
  }
}

/** The error of a run that its AbortSignal ended. `reason` is the signal's. */
export function aborted(reason: unknown, where: string, target?: TargetState): CrError {
  const message = `${reason instanceof CrError ? reason.message : 'cancelled'} ${where}`;
  return new CrError('CR_ABORTED', { message, cause: reason, ...(target === undefined ? {} : { target }) });
}

/** The same error with the state of the target, unless it says one already. Anything that is no CrError is a mistake of ours and stays as it is. */
export function withTarget(error: unknown, target: TargetState): unknown {
  return error instanceof CrError && error.target === undefined ? restated(error, target) : error;
}

/** The same error with this state of the target, whatever the place that threw it took it for. */
export function restated(error: unknown, target: TargetState): unknown {
  if (!(error instanceof CrError) || error.target === target) return error;
  const { code, kernel, hint, exitCode, cause, message } = error;
  const same = new CrError(code, { message, hint, target, exitCode, cause, ...(kernel === undefined ? {} : { kernel }) });
  return Object.assign(same, { subject: error.subject, stack: error.stack });
}
