/** Which threads and children a process has. Both lists are snapshots: only frozen tasks make them complete (kernel-tasks.md, 1.2). */
import { CrError } from '../../errors.js';
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner, PID_MAX } from './scanner.js';

/** More children than pids cannot be: 4,194,304 of at most seven digits and a blank. */
const CHILDREN_LIMIT = PID_MAX * 8;

/** A name in a folder of /proc as a number of at most `max`; -1 when it is none. */
export function parseIdName(name: string, max: number): number {
  if (!/^(0|[1-9][0-9]{0,9})$/.test(name)) return -1;
  const value = Number(name);
  return value <= max ? value : -1;
}

/** Thread ids from the names in /proc/PID/task, ascending. Throws CR_KERNEL for a name that is no thread id. */
export function parseThreadNames(names: readonly string[], path: string): number[] {
  const tids = names.map((name) => {
    const tid = parseIdName(name, PID_MAX);
    if (tid < 1) throw new CrError('CR_KERNEL', { message: `"${name}" is not a thread id`, subject: { path } });
    return tid;
  });
  return tids.sort((a, b) => a - b);
}

/**
 * Ids of all threads, ascending; the leader is among them, also when it has ended and others go on. Kernel helpers (PF_IO_WORKER, PF_USER_WORKER
 * of stat.ts) are listed too. Null when the process is gone.
 */
export function readThreads(reader: ProcReader, pid: number): number[] | null {
  const dir = `${pid}/task`;
  const names = reader.names(dir);
  return names === null ? null : parseThreadNames(names, reader.path(dir));
}

/** Pids from a `children` file: each is followed by a blank, so that a number without one is truncated text. Throws CR_KERNEL. */
export function parseChildren(text: ProcText): number[] {
  const s = new ByteScanner(text.bytes, text.path);
  const out: number[] = [];
  while (!s.done) {
    out.push(s.pid('the pid of a child'));
    s.byte(0x20);
  }
  return out;
}

/**
 * Children that this thread has forked, in the order of birth. Null when the thread is gone. Needs CONFIG_PROC_CHILDREN; without it every thread
 * looks gone, which `criu-ts check` reports.
 */
export function readChildren(reader: ProcReader, pid: number, tid: number): number[] | null {
  const text = reader.read(`${taskDir(pid, tid)}/children`, CHILDREN_LIMIT);
  if (text === null) return null;
  return text.bytes.length === 0 ? [] : parseChildren(text);
}
