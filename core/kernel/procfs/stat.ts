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

/** The next number, after `skipped` other fields. */
function int(s: ByteScanner, what: string, skipped = 0): number {
  for (let i = 0; i < skipped; i++) big(s, what);
  s.byte(SPACE);
  return s.int(what);
}

function big(s: ByteScanner, what: string, skipped = 0): bigint {
  for (let i = 0; i < skipped; i++) big(s, what);
  s.byte(SPACE);
  return s.bigInt(what);
}

/** One object literal: its properties are evaluated in the order of the text, and putting parts together by spread would cost more than parsing. */
function fields(s: ByteScanner): Stat {
  return {
    pid: s.pid('a pid'),
    comm: comm(s),
    state: letter(s),
    ppid: int(s, 'ppid'),
    pgrp: int(s, 'pgrp'),
    sid: int(s, 'session'),
    ttyNr: int(s, 'tty_nr'),
    tpgid: int(s, 'tpgid'),
    flags: int(s, 'flags'),
    minflt: int(s, 'minflt'),
    cminflt: int(s, 'cminflt'),
    majflt: int(s, 'majflt'),
    cmajflt: int(s, 'cmajflt'),
    utime: int(s, 'utime'),
    stime: int(s, 'stime'),
    cutime: int(s, 'cutime'),
    cstime: int(s, 'cstime'),
    priority: int(s, 'priority'),
    nice: int(s, 'nice'),
    numThreads: int(s, 'num_threads'),
    // itrealvalue is skipped: always 0, getitimer() in the task knows.
    starttime: big(s, 'starttime', 1),
    vsize: big(s, 'vsize'),
    rss: big(s, 'rss'),
    rsslim: big(s, 'rsslim'),
    startCode: big(s, 'startcode'),
    endCode: big(s, 'endcode'),
    startStack: big(s, 'startstack'),
    // kstkesp, kstkeip, four obsolete signal masks, wchan, nswap, cnswap.
    exitSignal: int(s, 'exit_signal', 9),
    processor: int(s, 'processor'),
    rtPriority: int(s, 'rt_priority'),
    policy: int(s, 'policy'),
    // delayacct_blkio_ticks, guest_time, cguest_time.
    startData: big(s, 'start_data', 3),
    endData: big(s, 'end_data'),
    startBrk: big(s, 'start_brk'),
    argStart: big(s, 'arg_start'),
    argEnd: big(s, 'arg_end'),
    envStart: big(s, 'env_start'),
    envEnd: big(s, 'env_end'),
    exitCode: int(s, 'exit_code'),
  };
}

/** Throws CR_KERNEL. Fields behind the 52nd are ignored. */
export function parseStat(text: ProcText): Stat {
  const s = new ByteScanner(text.bytes, text.path);
  const stat = fields(s);
  const next = s.peek();
  if (next !== NEWLINE && next !== SPACE) s.fail('the end of the line');
  return stat;
}

/** stat of a process or, with `tid`, of a thread. Null when it is gone. */
export function readStat(reader: ProcReader, pid: number, tid?: number): Stat | null {
  const text = reader.read(`${taskDir(pid, tid)}/stat`, STAT_LIMIT, true);
  return text === null ? null : parseStat(text);
}

/** Ended, and not reaped yet. */
export function isZombie(task: { readonly stat: Pick<Stat, 'state'> }): boolean {
  return task.stat.state === 'Z';
}
