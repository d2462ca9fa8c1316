/** /proc/PID/timers: POSIX timers of a process (proc_pid_timers(5)). Remaining time and overrun are known only inside: timer_gettime(). */
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner } from './scanner.js';

export interface PosixTimer {
  /** What timer_create() returned; unique in the process. */
  readonly id: number;
  readonly signal: number;
  /** sigev_value, as the 64 bits it is. */
  readonly value: bigint;
  readonly notify: 'signal' | 'none' | 'thread';
  /** `tid`: SIGEV_THREAD_ID, the signal goes to one thread. */
  readonly target: 'pid' | 'tid';
  /** Process or thread that gets the signal, 0 when that thread has ended. */
  readonly targetId: number;
  /** CLOCK_*; CPU clocks are stored as negative numbers (include/linux/posix-timers.h). */
  readonly clockId: number;
}

/** RLIMIT_SIGPENDING bounds timers; 100 bytes each. */
const TIMERS_LIMIT = 256 * 1024 * 1024;

function oneOf<T extends string>(s: ByteScanner, words: readonly T[]): T {
  return words.find((word) => s.tryWord(word)) ?? s.fail(words.join(' or '));
}

function timer(s: ByteScanner): PosixTimer {
  s.word('ID: ');
  const id = s.dec('a timer id');
  s.nextLine();
  s.word('signal: ');
  const signal = s.dec('a signal');
  s.word('/');
  const value = s.bigHex('a signal value');
  s.nextLine();
  s.word('notify: ');
  const notify = oneOf(s, ['signal', 'none', 'thread']);
  s.word('/');
  const target = oneOf(s, ['pid', 'tid']);
  s.word('.');
  const targetId = s.dec('a pid');
  s.nextLine();
  s.word('ClockID: ');
  const clockId = s.int('a clock');
  s.nextLine();
  return { id, signal, value, notify, target, targetId, clockId };
}

/** Timers, newest first. Lines that a newer kernel adds to a timer are ignored. Throws CR_KERNEL. */
export function parseTimers(text: ProcText): PosixTimer[] {
  const s = new ByteScanner(text.bytes, text.path);
  const out: PosixTimer[] = [];
  while (!s.done) {
    out.push(timer(s));
    while (!s.done && s.peek() !== 0x49) s.nextLine();
  }
  return out;
}

/** Null when the process is gone, or the kernel was built without CONFIG_CHECKPOINT_RESTORE and has no such file. */
export function readTimers(reader: ProcReader, pid: number): PosixTimer[] | null {
  const text = reader.read(`${taskDir(pid)}/timers`, TIMERS_LIMIT);
  return text === null ? null : parseTimers(text);
}
