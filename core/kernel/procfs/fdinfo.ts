/** /proc/PID/fdinfo/FD: position, flags and, per kind of file, what only the kernel knows (proc_pid_fdinfo(5), Documentation/filesystems/proc.rst 3.8). */
import { type FanotifyInfo, type InotifyWatch, parseFanotifyLine, parseInotifyWatch } from './fdinfo-notify.js';
import { KeyTable } from './key-lines.js';
import { type FileLock, parseLockLine } from './locks.js';
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner } from './scanner.js';

export interface EventfdInfo {
  readonly count: bigint;
  /** Tells eventfds apart, which all have one inode; null before Linux 5.2. */
  readonly id: number | null;
  /** EFD_SEMAPHORE; null on kernels that do not show it (before 6.5). */
  readonly semaphore: boolean | null;
}

/** A file in an epoll set. */
export interface EpollItem {
  /** Descriptor number at the time of EPOLL_CTL_ADD: now it may be closed or another file (kernel-tasks.md, 9.4). */
  readonly tfd: number;
  /** EPOLL* bits; 0x40000000 alone is a one-shot that fired. */
  readonly events: number;
  readonly data: bigint;
  readonly pos: bigint;
  readonly inode: bigint;
  /** Device in the kernel's own form: major << 20 | minor. */
  readonly sdev: number;
}

export interface Timespec {
  readonly sec: bigint;
  readonly nsec: number;
}

export interface TimerfdInfo {
  readonly clockId: number;
  /** Expirations nobody has read yet. */
  readonly ticks: bigint;
  /** TFD_TIMER_ABSTIME 1, TFD_TIMER_CANCEL_ON_SET 2. */
  readonly settimeFlags: number;
  /** Remaining time. Zero with ticks and an interval is not disarmed: it waits for the read (kernel-tasks.md, 9.4). */
  readonly value: Timespec;
  readonly interval: Timespec;
}

export interface PidfdInfo {
  /** -1 when reaped, 0 when not in the reader's pid namespace. */
  readonly pid: number;
  readonly nsPids: readonly number[];
}

export interface FdInfo {
  readonly pos: bigint;
  /** O_* of the description, and O_CLOEXEC (02000000) of the descriptor. */
  readonly flags: number;
  readonly mntId: number;
  /** Null before Linux 5.14. */
  readonly inode: bigint | null;
  readonly locks: readonly FileLock[];
  readonly eventfd: EventfdInfo | null;
  readonly epoll: readonly EpollItem[];
  readonly timerfd: TimerfdInfo | null;
  /** Signals of a signalfd, bit N-1 is signal N. */
  readonly signalMask: bigint | null;
  readonly inotify: readonly InotifyWatch[];
  readonly fanotify: FanotifyInfo | null;
  readonly pidfd: PidfdInfo | null;
  /** Number of the terminal of a pty master. */
  readonly ttyIndex: number | null;
  /** Lines of other kinds of files (io_uring, drm, tun, bpf ...), as they are. */
  readonly extra: readonly string[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Draft {
  pos?: bigint;
  flags?: number;
  mntId?: number;
  inode?: bigint;
  eventfd: Partial<Mutable<EventfdInfo>>;
  timerfd: Partial<Mutable<TimerfdInfo>>;
  pidfd: Partial<Mutable<PidfdInfo>>;
  signalMask?: bigint;
  ttyIndex?: number;
  fanotify: { flags?: number; eventFlags: number; marks: Mutable<FanotifyInfo>['marks'][number][] };
  readonly locks: FileLock[];
  readonly epoll: EpollItem[];
  readonly inotify: InotifyWatch[];
  readonly extra: string[];
}

/** An epoll set or inotify object can have a line for each of a million entries. */
const FDINFO_LIMIT = 256 * 1024 * 1024;
const NEWLINE = 0x0a;
const NS_LEVELS_MAX = 33;

/** `pos` of an epoll line is signed, `tfd` was a valid descriptor. */
function epollItem(s: ByteScanner): EpollItem {
  const tfd = s.dec('a descriptor');
  s.spaces();
  s.word('events:');
  s.spaces();
  const events = s.hex('epoll events');
  s.spaces();
  s.word('data:');
  s.spaces();
  const data = s.bigHex('epoll data');
  s.spaces();
  s.word('pos:');
  const pos = s.bigInt('a position');
  s.spaces();
  s.word('ino:');
  const inode = s.bigHex('an inode number');
  s.spaces();
  s.word('sdev:');
  return { tfd, events, data, pos, inode, sdev: s.hex('a device number') };
}

/** `(seconds, nanoseconds)` */
function timespec(s: ByteScanner): Timespec {
  s.word('(');
  const sec = s.bigDec('seconds');
  s.word(', ');
  const nsec = s.dec('nanoseconds');
  s.word(')');
  return { sec, nsec };
}

function nsPids(s: ByteScanner): number[] {
  const out: number[] = [];
  for (; s.peek() !== NEWLINE; s.spaces()) {
    if (out.length === NS_LEVELS_MAX) s.fail(`at most ${NS_LEVELS_MAX} pids`);
    out.push(s.int('a pid'));
  }
  return out;
}

function fanotifyLine(first: string): (s: ByteScanner, d: Draft) => void {
  return (s, d) => {
    const line = parseFanotifyLine(first, s);
    if ('flags' in line) Object.assign(d.fanotify, line);
    else d.fanotify.marks.push(line);
  };
}

const KEYS = new KeyTable<Draft>({
  pos: (s, d) => (d.pos = s.bigInt('a position')),
  flags: (s, d) => (d.flags = s.oct('file flags')),
  mnt_id: (s, d) => (d.mntId = s.dec('a mount id')),
  ino: (s, d) => (d.inode = s.bigDec('an inode number')),
  lock: (s, d) => d.locks.push(parseLockLine(s)),
  'eventfd-count': (s, d) => (d.eventfd.count = s.bigHex('an eventfd count')),
  'eventfd-id': (s, d) => (d.eventfd.id = s.dec('an eventfd id')),
  'eventfd-semaphore': (s, d) => (d.eventfd.semaphore = s.dec('0 or 1') !== 0),
  tfd: (s, d) => d.epoll.push(epollItem(s)),
  clockid: (s, d) => (d.timerfd.clockId = s.int('a clock id')),
  ticks: (s, d) => (d.timerfd.ticks = s.bigDec('ticks')),
  'settime flags': (s, d) => (d.timerfd.settimeFlags = s.oct('settime flags')),
  it_value: (s, d) => (d.timerfd.value = timespec(s)),
  it_interval: (s, d) => (d.timerfd.interval = timespec(s)),
  sigmask: (s, d) => (d.signalMask = s.bigHex('a signal set')),
  'inotify wd': (s, d) => d.inotify.push(parseInotifyWatch(s)),
  'fanotify flags': fanotifyLine('flags'),
  'fanotify mnt_id': fanotifyLine('mnt_id'),
  'fanotify ino': fanotifyLine('ino'),
  'fanotify sdev': fanotifyLine('sdev'),
  'fanotify mnt_ns': fanotifyLine('mnt_ns'),
  Pid: (s, d) => (d.pidfd.pid = s.int('a pid')),
  NSpid: (s, d) => (d.pidfd.nsPids = nsPids(s)),
  'tty-index': (s, d) => (d.ttyIndex = s.dec('a terminal number')),
});

function eventfdOf(d: Draft['eventfd']): EventfdInfo | null {
  return d.count === undefined ? null : { count: d.count, id: d.id ?? null, semaphore: d.semaphore ?? null };
}

function timerfdOf(s: ByteScanner, d: Draft['timerfd']): TimerfdInfo | null {
  if (d.clockId === undefined) return null;
  return {
    clockId: d.clockId,
    ticks: d.ticks ?? s.fail('ticks'),
    settimeFlags: d.settimeFlags ?? s.fail('settime flags'),
    value: d.value ?? s.fail('it_value'),
    interval: d.interval ?? s.fail('it_interval'),
  };
}

function fanotifyOf(d: Draft['fanotify']): FanotifyInfo | null {
  return d.flags === undefined ? null : { flags: d.flags, eventFlags: d.eventFlags, marks: d.marks };
}

/** Throws CR_KERNEL. Lines that are not known stand in `extra`. */
export function parseFdInfo(text: ProcText): FdInfo {
  const s = new ByteScanner(text.bytes, text.path);
  const lists = { locks: [], epoll: [], inotify: [], extra: [], fanotify: { eventFlags: 0, marks: [] } };
  const d: Draft = { eventfd: {}, timerfd: {}, pidfd: {}, ...lists };
  while (!s.done) if (!KEYS.line(s, d)) d.extra.push(s.restOfLine());
  return {
    pos: d.pos ?? s.fail('pos'),
    flags: d.flags ?? s.fail('flags'),
    mntId: d.mntId ?? s.fail('mnt_id'),
    inode: d.inode ?? null,
    locks: d.locks,
    eventfd: eventfdOf(d.eventfd),
    epoll: d.epoll,
    timerfd: timerfdOf(s, d.timerfd),
    signalMask: d.signalMask ?? null,
    inotify: d.inotify,
    fanotify: fanotifyOf(d.fanotify),
    pidfd: d.pidfd.pid === undefined ? null : { pid: d.pidfd.pid, nsPids: d.pidfd.nsPids ?? [] },
    ttyIndex: d.ttyIndex ?? null,
    extra: d.extra,
  };
}

/** Whether fdinfo shows a lock; of most descriptors nothing else is asked before the freeze. */
export function showsLock(reader: ProcReader, pid: number, fd: number): boolean {
  const text = reader.read(`${taskDir(pid)}/fdinfo/${fd}`, FDINFO_LIMIT, true);
  return text !== null && Buffer.from(text.bytes.buffer, text.bytes.byteOffset, text.bytes.length).includes('\nlock:');
}

/** Null when the descriptor was closed or the task is gone. Never blocks and changes nothing, unlike a timerfd_gettime() or a read. */
export function readFdInfo(reader: ProcReader, pid: number, fd: number, tid?: number): FdInfo | null {
  const text = reader.read(`${taskDir(pid, tid)}/fdinfo/${fd}`, FDINFO_LIMIT, true);
  return text === null ? null : parseFdInfo(text);
}
