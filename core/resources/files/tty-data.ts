/**
 * Bytes on their way through a pty: what the slave can read (and an unfinished line) and what the master can read. They cannot be looked at, only
 * taken out and put back. Both happen with every processing of the line discipline off (termios(3)), so that nothing is echoed, translated or seen
 * as a signal; only ICANON stays as it is, because switching it makes one line of everything that waits (n_tty_set_termios).
 */
import { closeSync } from 'node:fs';
import { errnoName } from '../../abi/errno.js';
import { CrError } from '../../errors.js';
import type { TermiosEntry } from '../../images/generated/tty.js';
import type { LocalCalls } from '../../kernel/local.js';
import { O } from './open-flags.js';
import { readTermios, termiosBytes, TIO } from './tty-info.js';

const INQ = 0x541b;
const POLLIN = 1;
const POLLHUP = 0x10;
const ICANON = 0x2;
const IXON = 0x400;
const VMIN = 6;
const NEWLINE = 0x0a;
/** The kernel holds about 68 KiB for each direction (N_TTY_BUF_SIZE and the limit of tty_buffer). */
export const TTY_DATA_MAX = 1 << 20;
/** What the line discipline takes over at once (N_TTY_BUF_SIZE - 1); the rest waits before it. */
const READABLE_MAX = 4095;
const CHUNK = 4096;
const PATIENCE_MS = 200;
/** For the work queue of the kernel to hand over an unfinished line, which nothing tells. */
const SETTLE_MS = 5;

/** Descriptors of ours for both ends. */
export interface Ends {
  readonly master: number;
  readonly slave: number;
}

export interface TtyData {
  /** Readable at the slave, when its line is finished. */
  readonly input: Buffer;
  /** Readable at the master. */
  readonly output: Buffer;
}

/** Also makes the kernel hand over what it holds before the line discipline (tty_buffer_flush_work in n_tty_poll). */
function poll(calls: LocalCalls, fd: number): number {
  const { scratch } = calls;
  scratch.setU32(0, fd).setU32(4, POLLIN);
  return calls.call('poll', scratch, 1, 0) > 0 ? scratch.u16(6) : 0;
}

function sleep(calls: LocalCalls, milliseconds: number): void {
  calls.call('poll', 0, 0, milliseconds);
}

function readable(calls: LocalCalls, fd: number): number {
  poll(calls, fd);
  return calls.call('ioctl', fd, INQ, calls.scratch.setU32(0, 0)) < 0 ? 0 : calls.scratch.u32(0);
}

/** Everything that can be read now; never blocks. */
function take(calls: LocalCalls, fd: number): Buffer {
  const parts: Buffer[] = [];
  let total = 0;
  for (let n = readable(calls, fd); n > 0 && total < TTY_DATA_MAX; n = readable(calls, fd)) {
    const got = calls.call('read', fd, calls.scratch, Math.min(n, CHUNK));
    if (got <= 0) break;
    parts.push(calls.scratch.copy(0, got));
    total += got;
  }
  return Buffer.concat(parts);
}

function setTermios(calls: LocalCalls, fd: number, termios: TermiosEntry): void {
  calls.scratch.set(termiosBytes(termios));
  calls.must({ why: 'set a terminal up' }, 'ioctl', fd, TIO.sets, calls.scratch);
}

/** No processing but lines. IXON stays: switching it off starts output that was stopped; without its characters it does nothing. */
function quiet(termios: TermiosEntry): TermiosEntry {
  const c_cc = termios.c_cc.map((_character, i) => (i === VMIN ? 1 : 0));
  return { ...termios, c_iflag: termios.c_iflag & IXON, c_oflag: 0, c_lflag: termios.c_lflag & ICANON, c_cc };
}

function write(calls: LocalCalls, fd: number, data: Buffer, termios: TermiosEntry): void {
  let started = false;
  for (let at = 0; at < data.length;) {
    const part = data.subarray(at, at + CHUNK);
    const wrote = calls.call('write', fd, calls.scratch.set(part), part.length);
    if (wrote > 0) at += wrote;
    else if (wrote < 0 && (errnoName(-wrote) !== 'EAGAIN' || started))
      throw new CrError('CR_KERNEL', {
        message: `cannot put ${data.length} bytes into a terminal`,
        kernel: { call: `write(${fd}, ${part.length})`, errno: errnoName(-wrote) },
      });
    else {
      // Output was stopped (control-S).
      started = true;
      setTermios(calls, fd, { ...quiet(termios), c_iflag: 0 });
    }
  }
}

function putInput(calls: LocalCalls, { master, slave }: Ends, input: Buffer, termios: TermiosEntry): void {
  const canonical = (termios.c_lflag & ICANON) !== 0;
  const end = canonical ? input.lastIndexOf(NEWLINE) + 1 : input.length;
  write(calls, master, input.subarray(0, end), termios);
  for (let i = 0; i < PATIENCE_MS && readable(calls, slave) < Math.min(end, READABLE_MAX); i++) sleep(calls, 1);
  if (end === input.length) return;
  write(calls, master, input.subarray(end), termios);
  poll(calls, slave);
  if (end > 0) sleep(calls, SETTLE_MS);
}

/** Puts data in. `termios` is what the terminal gets afterwards; the caller sets it. The slave's descriptor does not block. */
export function putTtyData(calls: LocalCalls, ends: Ends, { input, output }: TtyData, termios: TermiosEntry): void {
  if (input.length === 0 && output.length === 0) return;
  setTermios(calls, ends.slave, quiet(termios));
  putInput(calls, ends, input, termios);
  write(calls, ends.slave, output, termios);
  poll(calls, ends.master);
}

/** The other end of a master of ours, which does not block. A locked one is unlocked for the moment of the call. */
export function openPeer(calls: LocalCalls, master: number): number {
  const flags = O.rdwr | O.noctty | O.nonblock | O.cloexec;
  const lock = (on: number) => calls.must({ why: 'unlock a terminal' }, 'ioctl', master, TIO.sptlck, calls.scratch.setU32(0, on));
  const locked = calls.call('ioctl', master, TIO.gptlck, calls.scratch.setU32(0, 0)) >= 0 && calls.scratch.u32(0) !== 0;
  if (locked) lock(0);
  try {
    return calls.must({ why: 'open a terminal' }, 'ioctl', master, TIO.gptpeer, flags);
  } finally {
    if (locked) lock(1);
  }
}

/** True when all slaves were closed: the master reads what is left and then EIO. */
export function isHungUp(calls: LocalCalls, master: number): boolean {
  return (poll(calls, master) & POLLHUP) !== 0;
}

/**
 * Data of a pty of a frozen tree; it is there again when this returns. Packet mode is off meanwhile: its first byte is no data, and it would report
 * the changes of the settings.
 */
export function peekTtyData(calls: LocalCalls, master: number): TtyData {
  const slave = openPeer(calls, master);
  const ends = { master, slave };
  const packet = calls.call('ioctl', master, TIO.gpkt, calls.scratch.setU32(0, 0)) >= 0 && calls.scratch.u32(0) !== 0;
  const setPacket = (on: number) => packet && calls.must({ why: 'set packet mode' }, 'ioctl', master, TIO.pkt, calls.scratch.setU32(0, on));
  try {
    const termios = readTermios(calls, slave, TIO.gets);
    const locked = readTermios(calls, slave, TIO.glcktrmios);
    setPacket(0);
    setLocked(calls, slave, { ...locked, c_iflag: 0, c_oflag: 0, c_cflag: 0, c_lflag: 0, c_line: 0, c_cc: locked.c_cc.map(() => 0) });
    try {
      const lines = take(calls, slave);
      const canonical = (termios.c_lflag & ICANON) !== 0;
      // With no line left this changes nothing but that the unfinished one can be read.
      if (canonical) setTermios(calls, slave, { ...termios, c_lflag: termios.c_lflag & ~ICANON });
      const data = { input: canonical ? Buffer.concat([lines, take(calls, slave)]) : lines, output: take(calls, master) };
      putTtyData(calls, ends, data, termios);
      return data;
    } finally {
      setTermios(calls, slave, termios);
      setLocked(calls, slave, locked);
      setPacket(1);
    }
  } finally {
    closeSync(slave);
  }
}

function setLocked(calls: LocalCalls, fd: number, locked: TermiosEntry): void {
  calls.scratch.set(termiosBytes(locked));
  calls.must({ why: 'lock settings of a terminal' }, 'ioctl', fd, TIO.slcktrmios, calls.scratch);
}
