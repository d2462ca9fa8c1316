/**
 * What a kind of open file is. Every kind is one row of the table in kinds.ts, with dump and restore side by side; plugins add rows of the same
 * shape. A kind sees descriptions (what open(2) makes), not descriptors: sharing by dup, fork and CLONE_FILES is the table's business.
 */
import type { BigIntStats } from 'node:fs';
import type { DumpRun } from '../../dump/model.js';
import type { FownEntry } from '../../images/generated/common.js';
import type { FileEntry } from '../../images/generated/fdinfo.js';
import type { LocalCalls } from '../../kernel/local.js';
import type { FdInfo } from '../../kernel/procfs/fdinfo.js';
import type { ProcReader } from '../../kernel/procfs/reader.js';
import type { Program } from '../../program/program.js';
import type { RestoreRun, RestoreTask } from '../../restore/model.js';
import type { Handle } from '../../restore/service-fds.js';

/** A file as /proc shows it: behind a descriptor, a mapping, or a link such as cwd. */
export interface SeenFile {
  readonly pid: number;
  /** Null for a mapping, cwd, root, exe. */
  readonly fd: number | null;
  /** Text of the link: a path, `pipe:[N]`, `anon_inode:[eventpoll]` ... */
  readonly link: string;
  readonly stat: BigIntStats;
  /** The magic link in /proc that leads to the file whatever its name. */
  readonly proc: string;
}

/** An open file description of a frozen task. */
export interface OpenFile extends SeenFile {
  /** O_* of the description. */
  readonly flags: number;
  readonly pos: bigint;
  readonly fown: FownEntry;
  /** Null for a mapping, cwd, root, exe. */
  readonly info: FdInfo | null;
  /** Our own descriptor of the very same description; closed when its dump is done. -1 for a mapping, cwd, root, exe. */
  readonly local: number;
}

export interface PreflightContext {
  /** Processes of the tree. */
  readonly pids: readonly number[];
  readonly proc: ProcReader;
  readonly options: PreflightOptions;
  readonly calls: LocalCalls;
  /** Whether some process of the tree holds the master of that pty. */
  hasMaster(index: number): boolean;
  /** The file of the tree that is a pty with that number too, but in another devpts; null when there is none. */
  otherPty(file: SeenFile, index: number, devpts: bigint): SeenFile | null;
  /** Whether locks are held through that descriptor. (/proc/locks would say it of everybody, but stops all users of locks for 20 ms.) */
  hasLocks(file: SeenFile): boolean;
}

/** Options of the dump that decide what can be dumped. */
export interface PreflightOptions {
  readonly shellJob: boolean;
  readonly linkRemap: boolean;
  readonly fileLocks: boolean;
  /** Bytes. */
  readonly ghostLimit: number;
  readonly evasiveDevices: boolean;
}

/** What a kind needs while it dumps. */
export interface DumpContext {
  readonly run: DumpRun;
  readonly calls: LocalCalls;
  newId(): number;
  add(entry: FileEntry): void;
  /** State of a kind that lives as long as this dump. */
  state<T>(key: string, make: () => T): T;
  /** Descriptors of the table that a process uses, ascending. */
  fdsOf(pid: number): readonly number[];
  /** Registers work for after all tables were dumped. */
  later(work: () => void): void;
  /** Registers what a failed (or not destructive) dump must take back. */
  onUndo(work: () => void): void;
  /** Registers what is done when the dump is over, however it ended. */
  onClose(work: () => void): void;
}

/** Where a description ends up: the first table that has it, and its number there. */
export interface Place {
  readonly task: RestoreTask;
  readonly fd: number;
  /** Every number of that table. */
  readonly table: ReadonlyMap<number, Description>;
}

/** An open file description to be. */
export interface Description {
  readonly id: number;
  /** For messages: a path or what it is. */
  readonly what: string;
  readonly flags: number;
  readonly fown: FownEntry | null;
  /** Opens it, in our own process, close-on-exec. Called once, and only when a table or a link needs it. Null: `wire` opens it in the task. */
  open(): number | null;
  /** Opens the file behind it for a mapping or as executable, with these O_* and no position. */
  openMapped?(flags: number): number;
  /** For descriptions that only the task itself can open: emits the opening; the result is the descriptor. Once a table. */
  openInside?(p: Program): ReturnType<Program['sys']['openat']>;
  /** Not before all threads and other descriptors are there (step filesLate instead of files). */
  readonly opensLate?: boolean;
  /** Step filesLate, in the first table that has it. Owners are set by the table. */
  late?(p: Program, place: Place): void;
  /** Step arm, by its final number. */
  arm?(p: Program, place: Place): void;
}

/** What a kind needs while it reads, opens and wires. */
export interface RestoreContext {
  readonly run: RestoreRun;
  /** The entry of files.img. Throws CR_IMAGE_BAD when there is none. */
  entry(id: number, why: string): FileEntry;
  /** State of a kind that lives as long as this restore. */
  state<T>(key: string, make: () => T): T;
  /** Work for after all images were read: checks across entries. */
  afterRead(work: () => void): void;
  /** Work for before anything is opened. */
  beforeOpen(work: () => void): void;
  /** Work for after everything was opened; the last is done first. */
  afterOpen(work: () => void): void;
  /** Removes what was created, on failure. Called in reverse order. */
  onUndo(work: () => void): void;
  /** Removes temporary things after success. */
  onFinish(work: () => void): void;
  /** Ops in step early of one task. */
  earlyIn(pid: number, emit: (p: Program) => void): void;
  /** Ops in step filesLate of one task. */
  lateIn(pid: number, emit: (p: Program) => void): void;
  /** Hands a descriptor of ours to every seed. */
  share(fd: number): Handle;
}

export interface FileKind {
  /** Kebab-case, unique. */
  readonly name: string;
  /** FD_TYPES of the entries that it reads. */
  readonly type: number;
  /** Member of such an entry that holds what it reads. */
  readonly field: keyof FileEntry;
  claims(file: SeenFile): boolean;
  /** Before the freeze: why it cannot be dumped and what to do, or null. */
  refuse?(file: SeenFile, context: PreflightContext): string | null;
  /** Writes the entry `id` and all that belongs to it. */
  dump(file: OpenFile, id: number, context: DumpContext): void;
  /** Whether it reads that entry of its type; all of them when absent. */
  reads?(entry: FileEntry): boolean;
  /** Reads and checks; nothing is created. Throws CR_IMAGE_BAD, CR_IMAGE_FEATURE, CR_FILE_CHANGED. */
  read(entry: FileEntry, context: RestoreContext): Description;
}

/** A kind that is known by name and cannot be dumped yet. */
export interface RefusedKind {
  readonly name: string;
  claims(file: SeenFile): boolean;
  refuse(file: SeenFile): string;
}

const S_IFMT = 0o170000;
export const S = { sock: 0o140000, link: 0o120000, reg: 0o100000, blk: 0o060000, dir: 0o040000, chr: 0o020000, fifo: 0o010000 } as const;

export function fileType(mode: number | bigint): number {
  return Number(mode) & S_IFMT;
}
