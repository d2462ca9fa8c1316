/** What a terminal is, and its settings (ioctl_tty(2), termios(3)). Numbers of x86-64 and arm64 (asm-generic/ioctls.h). */
import { errnoName } from '../../abi/errno.js';
import type { TermiosEntry, TtyInfoEntry, WinsizeEntry } from '../../images/generated/tty.js';
import type { LocalCalls } from '../../kernel/local.js';
import type { Ptr } from '../../program/program.js';

export const TTY_TYPE = { pty: 1, console: 2, vt: 3, ctty: 4, serial: 6 } as const;

export const TIO = {
  gets: 0x5401,
  sets: 0x5402,
  excl: 0x540c,
  sctty: 0x540e,
  spgrp: 0x5410,
  gwinsz: 0x5413,
  swinsz: 0x5414,
  pkt: 0x5420,
  gptpeer: 0x5441,
  glcktrmios: 0x5456,
  slcktrmios: 0x5457,
  gptn: 0x80045430,
  sptlck: 0x40045431,
  gpkt: 0x80045438,
  gptlck: 0x80045439,
  gexcl: 0x80045440,
} as const;

/** Numbers that CRIU gives to terminals that are no ptys, where the index of a pty stands. */
const INDEX = { console: 1002, vt: 1004, ctty: 1006, serial: 1010 } as const;
/** CRIU knows no higher ptys. */
export const PTY_MAX = 1000;
const TTY_MAJOR = 4;
const AUX_MAJOR = 5;
const PTS_MAJOR = 136;
const PTS_MAJORS = 8;
const MINORS = 256;
const SERIAL_FROM = 64;
const NCC = 19;
/** struct termios of the kernel: four words, c_line, 19 control characters. */
const TERMIOS_SIZE = 36;

export interface TtyDevice {
  readonly type: (typeof TTY_TYPE)[keyof typeof TTY_TYPE];
  readonly master: boolean;
  /** Number of a slave; of other kinds what images have in that place. A master's is asked for. */
  readonly index: number;
}

/** What the device number says, or null for a device that is no terminal. */
export function ttyDevice(rdev: bigint): TtyDevice | null {
  const major = Number((rdev >> 8n) & 0xfffn);
  const minor = Number((rdev & 0xffn) | ((rdev >> 12n) & 0xfff00n));
  if (major >= PTS_MAJOR && major < PTS_MAJOR + PTS_MAJORS)
    return { type: TTY_TYPE.pty, master: false, index: (major - PTS_MAJOR) * MINORS + minor };
  if (major === TTY_MAJOR)
    return minor < SERIAL_FROM
      ? { type: TTY_TYPE.vt, master: false, index: INDEX.vt }
      : { type: TTY_TYPE.serial, master: false, index: INDEX.serial };
  if (major !== AUX_MAJOR) return null;
  if (minor === 0) return { type: TTY_TYPE.ctty, master: false, index: INDEX.ctty };
  if (minor === 1) return { type: TTY_TYPE.console, master: false, index: INDEX.console };
  return minor === 2 ? { type: TTY_TYPE.pty, master: true, index: -1 } : null;
}

/** `tty_info_id`: both ends of a pty next to each other. */
export function infoId(index: number, master: boolean): number {
  return index * 2 + (master ? 1 : 0);
}

/** tty_nr of /proc/PID/stat for a session on that pty (new_encode_dev, include/linux/kdev_t.h). */
export function ttyNumber(index: number): number {
  return ((PTS_MAJOR + Math.floor(index / MINORS)) << 8) | (index % MINORS);
}

function termiosFrom(p: Ptr): TermiosEntry {
  return {
    c_iflag: p.u32(0),
    c_oflag: p.u32(4),
    c_cflag: p.u32(8),
    c_lflag: p.u32(12),
    c_line: p.u8(16),
    c_ispeed: 0,
    c_ospeed: 0,
    c_cc: Array.from({ length: NCC }, (_none, i) => p.u8(17 + i)),
  };
}

/** The settings, or with TIO.glcktrmios which of them are locked. */
export function readTermios(calls: LocalCalls, fd: number, request: number): TermiosEntry {
  calls.must({ why: 'read the settings of a terminal' }, 'ioctl', fd, request, calls.scratch);
  return termiosFrom(calls.scratch);
}

export function termiosBytes(entry: TermiosEntry): Buffer {
  const out = Buffer.alloc(TERMIOS_SIZE);
  [entry.c_iflag, entry.c_oflag, entry.c_cflag, entry.c_lflag].forEach((word, i) => out.writeUInt32LE(word, 4 * i));
  out[16] = entry.c_line & 0xff;
  entry.c_cc.slice(0, NCC).forEach((c, i) => (out[17 + i] = c & 0xff));
  return out;
}

export function winsizeBytes(entry: WinsizeEntry): Buffer {
  const out = Buffer.alloc(8);
  [entry.ws_row, entry.ws_col, entry.ws_xpixel, entry.ws_ypixel].forEach((word, i) => out.writeUInt16LE(word & 0xffff, 2 * i));
  return out;
}

type Settings = Pick<TtyInfoEntry, 'termios' | 'termios_locked' | 'winsize' | 'locked' | 'exclusive' | 'packet_mode'>;

/** Settings through our copy of a descriptor. A terminal whose other end is closed has none (EIO). */
export function readSettings(calls: LocalCalls, fd: number, master: boolean): Settings {
  const flag = (request: number) => (calls.call('ioctl', fd, request, calls.scratch.setU32(0, 0)) < 0 ? false : calls.scratch.u32(0) !== 0);
  const flags = {
    locked: master && flag(TIO.gptlck),
    exclusive: flag(TIO.gexcl),
    packet_mode: master && flag(TIO.gpkt),
  };
  const result = calls.call('ioctl', fd, TIO.gets, calls.scratch);
  if (result < 0 && errnoName(-result) === 'EIO') return flags;
  const termios = readTermios(calls, fd, TIO.gets);
  const termios_locked = readTermios(calls, fd, TIO.glcktrmios);
  calls.must({ why: 'read the size of a terminal' }, 'ioctl', fd, TIO.gwinsz, calls.scratch);
  const [ws_row, ws_col, ws_xpixel, ws_ypixel] = [0, 2, 4, 6].map((at) => calls.scratch.u16(at)) as [number, number, number, number];
  return { ...flags, termios, termios_locked, winsize: { ws_row, ws_col, ws_xpixel, ws_ypixel } };
}

/** Settings that both ends share. */
export function applySettings(calls: LocalCalls, fd: number, info: TtyInfoEntry): void {
  const set = (request: number, bytes: Buffer, why: string) => {
    calls.scratch.set(bytes);
    calls.must({ why }, 'ioctl', fd, request, calls.scratch);
  };
  if (info.termios_locked) set(TIO.slcktrmios, termiosBytes(info.termios_locked), 'lock settings of a terminal');
  if (info.termios) set(TIO.sets, termiosBytes(info.termios), 'set a terminal up');
  if (info.winsize) set(TIO.swinsz, winsizeBytes(info.winsize), 'set the size of a terminal');
}
