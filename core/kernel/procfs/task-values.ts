/**
 * Files of /proc/PID that hold one value. Each reader gives null when the task is gone or the kernel has no such file.
 * All of them throw CR_NO_PERMISSION or CR_KERNEL as ProcReader.read() does.
 */
import { CrError } from '../../errors.js';
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner } from './scanner.js';
import { decodeText } from './text.js';

const VALUE_LIMIT = 4096;
const NEWLINE = 0x0a;

/** A session of the autogroup scheduler (sched(7)). */
export interface Autogroup {
  readonly id: number;
  /** -20 .. 19 */
  readonly nice: number;
}

/** One number; a newline behind it is allowed (some of these files have none), anything else is CR_KERNEL. */
export function parseValue<T>(text: ProcText, read: (scanner: ByteScanner) => T): T {
  const s = new ByteScanner(text.bytes, text.path);
  const value = read(s);
  if (s.peek() === NEWLINE) s.pos++;
  if (!s.done) s.fail('the end of the text');
  return value;
}

function readValue<T>(reader: ProcReader, relative: string, read: (scanner: ByteScanner) => T): T | null {
  const text = reader.read(relative, VALUE_LIMIT, true);
  return text === null || text.bytes.length === 0 ? null : parseValue(text, read);
}

/** Execution domain and ADDR_* flags (personality(2)). Needs the right to trace the task. */
export function readPersonality(reader: ProcReader, pid: number, tid?: number): number | null {
  return readValue(reader, `${taskDir(pid, tid)}/personality`, (s) => s.hex('a personality'));
}

/** -1000 .. 1000 (proc_pid_oom_score_adj(5)). One per process. */
export function readOomScoreAdj(reader: ProcReader, pid: number): number | null {
  return readValue(reader, `${taskDir(pid)}/oom_score_adj`, (s) => s.int('an oom_score_adj'));
}

/** Nanoseconds. The file stands only in /proc/TID, not in the task folder, and works for every thread id. */
export function readTimerSlack(reader: ProcReader, tid: number): bigint | null {
  return readValue(reader, `${tid}/timerslack_ns`, (s) => s.bigDec('a timer slack'));
}

/** What of memory goes into a core file (core(5)). Null for kernel threads and zombies. */
export function readCoredumpFilter(reader: ProcReader, pid: number): number | null {
  return readValue(reader, `${taskDir(pid)}/coredump_filter`, (s) => s.hex('a coredump filter'));
}

/** 4294967295 when never set. Null without CONFIG_AUDIT. */
export function readLoginUid(reader: ProcReader, pid: number, tid?: number): number | null {
  return readValue(reader, `${taskDir(pid, tid)}/loginuid`, (s) => s.dec('a uid'));
}

/** Audit session, 4294967295 when never set. Null without CONFIG_AUDIT. */
export function readSessionId(reader: ProcReader, pid: number, tid?: number): number | null {
  return readValue(reader, `${taskDir(pid, tid)}/sessionid`, (s) => s.dec('a session id'));
}

/**
 * Label that a security module gave the task (proc_pid_attr(5)), `unconfined` without its mode. Null when the task is gone, or no active module
 * labels tasks (the kernel says EINVAL).
 */
export function readLabel(reader: ProcReader, pid: number, tid: number): string | null {
  try {
    const text = reader.read(`${taskDir(pid, tid)}/attr/current`, VALUE_LIMIT);
    return text === null
      ? null
      : decodeText(Buffer.from(text.bytes))
          .replace(/[\0\n]+$/, '')
          .replace(/ \(.*\)$/, '');
  } catch (error) {
    if (error instanceof CrError && error.kernel?.errno === 'EINVAL') return null;
    throw error;
  }
}

function autogroup(s: ByteScanner): Autogroup {
  s.word('/autogroup-');
  const id = s.dec('a number of an autogroup');
  s.word(' nice ');
  return { id, nice: s.int('a nice value') };
}

/** Null without CONFIG_SCHED_AUTOGROUP, and when the task is in none. */
export function readAutogroup(reader: ProcReader, pid: number): Autogroup | null {
  return readValue(reader, `${taskDir(pid)}/autogroup`, autogroup);
}

/** `comm` without the newline that the kernel adds; the name may hold any bytes, newlines too, and nothing is escaped. */
export function parseComm(text: ProcText): string {
  const s = new ByteScanner(text.bytes, text.path);
  if (s.end === 0 || s.bytes[s.end - 1] !== NEWLINE) {
    s.pos = s.end;
    s.fail('a newline');
  }
  return decodeText(s.bytes, 0, s.end - 1);
}

/** Name of a process or thread. */
export function readComm(reader: ProcReader, pid: number, tid?: number): string | null {
  const text = reader.read(`${taskDir(pid, tid)}/comm`, VALUE_LIMIT, true);
  return text === null ? null : parseComm(text);
}
