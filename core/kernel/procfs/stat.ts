/** /proc/PID/stat: one line of 52 fields (proc_pid_stat(5); fs/proc/array.c, do_task_stat). */
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner } from './scanner.js';
import { decodeText } from './text.js';

/** Flags of the kernel in `flags` (include/linux/sched.h): helpers of io_uring and vhost that stand in the task folder but have no user mode. */
export const PF_IO_WORKER = 0x10;
export const PF_USER_WORKER = 0x4000;
/** Kernel thread. */
export const PF_KTHREAD = 0x0020_0000;

/** Field numbers are those of the man page. Times are in clock ticks. Addresses are 0 or 1 without the right to trace the task. */
export interface Stat {
  /** 1 */
  readonly pid: number;
  /** 2: the name, any bytes, not escaped. */
  readonly comm: string;
  /** 3: one letter: R S D T t Z X I ... */
  readonly state: string;
  /** 4: 0 when the parent is outside the reader's pid namespace. */
  readonly ppid: number;
  /** 5 */
  readonly pgrp: number;
  /** 6 */
  readonly sid: number;
  /** 7: device number of the controlling terminal, 0 without one. Minor is in bits 31..20 and 7..0, major in 15..8. */
  readonly ttyNr: number;
  /** 8: foreground process group of that terminal, -1 without one. */
  readonly tpgid: number;
  /** 9: PF_* */
  readonly flags: number;
  /** 10-13 */
  readonly minflt: number;
  readonly cminflt: number;
  readonly majflt: number;
  readonly cmajflt: number;
  /** 14-17 */
  readonly utime: number;
  readonly stime: number;
  readonly cutime: number;
  readonly cstime: number;
  /** 18 */
  readonly priority: number;
  /** 19: -20 .. 19 */
  readonly nice: number;
  /** 20 */
  readonly numThreads: number;
  /** 22: after boot (of the reader's time namespace); with the pid it identifies a task. */
  readonly starttime: bigint;
  /** 23: bytes */
  readonly vsize: bigint;
  /** 24: pages */
  readonly rss: bigint;
  /** 25: bytes, 2^64-1 is unlimited. */
  readonly rsslim: bigint;
  /** 26-28 */
  readonly startCode: bigint;
  readonly endCode: bigint;
  readonly startStack: bigint;
  /** 38: signal to the parent at exit, normally 17 (SIGCHLD); -1 for threads. */
  readonly exitSignal: number;
  /** 39 */
  readonly processor: number;
  /** 40: 0 unless scheduled as real time. */
  readonly rtPriority: number;
  /** 41: SCHED_* */
  readonly policy: number;
  /** 45-51 */
  readonly startData: bigint;
  readonly endData: bigint;
  readonly startBrk: bigint;
  readonly argStart: bigint;
  readonly argEnd: bigint;
  readonly envStart: bigint;
  readonly envEnd: bigint;
  /** 52: status as wait(2) gives it; only of use for a zombie. */
  readonly exitCode: number;
}

const STAT_LIMIT = 64 * 1024;
const [SPACE, OPEN, CLOSE, NEWLINE] = [0x20, 0x28, 0x29, 0x0a];

/** The name may hold any bytes, also `) R 1 (`: what follows is only numbers and blanks, so the last `)` of the text ends it. */
function comm(s: ByteScanner): string {
  s.byte(SPACE);
  s.byte(OPEN);
  const close = s.bytes.lastIndexOf(CLOSE, s.end - 1);
  if (close < s.pos) s.fail('")" behind the name');
  const name = decodeText(s.bytes, s.pos, close);
  s.pos = close + 1;
  return name;
}

function letter(s: ByteScanner): string {
  s.byte(SPACE);
  const byte = s.peek();
  if (!((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a))) s.fail('a state letter');
  s.pos++;
  return String.fromCharCode(byte);
}

function int(s: ByteScanner, what: string): number {
  s.byte(SPACE);
  return s.int(what);
}

function big(s: ByteScanner, what: string): bigint {
  s.byte(SPACE);
  return s.bigInt(what);
}

function skip(s: ByteScanner, fields: number): void {
  for (let i = 0; i < fields; i++) big(s, 'a number');
}

/** Fields 3 to 22. */
function identity(s: ByteScanner) {
  const state = letter(s);
  const [ppid, pgrp, sid, ttyNr, tpgid] = [int(s, 'ppid'), int(s, 'pgrp'), int(s, 'session'), int(s, 'tty_nr'), int(s, 'tpgid')];
  const flags = int(s, 'flags');
  const [minflt, cminflt, majflt, cmajflt] = [int(s, 'minflt'), int(s, 'cminflt'), int(s, 'majflt'), int(s, 'cmajflt')];
  const [utime, stime, cutime, cstime] = [int(s, 'utime'), int(s, 'stime'), int(s, 'cutime'), int(s, 'cstime')];
  const [priority, nice, numThreads] = [int(s, 'priority'), int(s, 'nice'), int(s, 'num_threads')];
  // itrealvalue: always 0, getitimer() in the task knows.
  skip(s, 1);
  const starttime = big(s, 'starttime');
  const faults = { minflt, cminflt, majflt, cmajflt, utime, stime, cutime, cstime };
  return { state, ppid, pgrp, sid, ttyNr, tpgid, flags, ...faults, priority, nice, numThreads, starttime };
}

/** Fields 23 to 52. */
function memoryAndScheduling(s: ByteScanner) {
  const [vsize, rss, rsslim] = [big(s, 'vsize'), big(s, 'rss'), big(s, 'rsslim')];
  const [startCode, endCode, startStack] = [big(s, 'startcode'), big(s, 'endcode'), big(s, 'startstack')];
  // kstkesp, kstkeip, four obsolete signal masks, wchan, nswap, cnswap.
  skip(s, 9);
  const [exitSignal, processor, rtPriority, policy] = [int(s, 'exit_signal'), int(s, 'processor'), int(s, 'rt_priority'), int(s, 'policy')];
  // delayacct_blkio_ticks, guest_time, cguest_time.
  skip(s, 3);
  const [startData, endData, startBrk] = [big(s, 'start_data'), big(s, 'end_data'), big(s, 'start_brk')];
  const [argStart, argEnd, envStart, envEnd] = [big(s, 'arg_start'), big(s, 'arg_end'), big(s, 'env_start'), big(s, 'env_end')];
  const exitCode = int(s, 'exit_code');
  const memory = { vsize, rss, rsslim, startCode, endCode, startStack, startData, endData, startBrk, argStart, argEnd, envStart, envEnd };
  return { ...memory, exitSignal, processor, rtPriority, policy, exitCode };
}

/** Throws CR_KERNEL. Fields behind the 52nd are ignored. */
export function parseStat(text: ProcText): Stat {
  const s = new ByteScanner(text.bytes, text.path);
  const pid = s.pid('a pid');
  const name = comm(s);
  const stat = { pid, comm: name, ...identity(s), ...memoryAndScheduling(s) };
  const next = s.peek();
  if (next !== NEWLINE && next !== SPACE) s.fail('the end of the line');
  return stat;
}

/** stat of a process or, with `tid`, of a thread. Null when it is gone. */
export function readStat(reader: ProcReader, pid: number, tid?: number): Stat | null {
  const text = reader.read(`${taskDir(pid, tid)}/stat`, STAT_LIMIT);
  return text === null ? null : parseStat(text);
}
