/** Lines of inotify and fanotify in fdinfo (fs/notify/fdinfo.c). All numbers in them are hexadecimal. */
import { type ByteScanner, hexDigit } from './scanner.js';

/** What open_by_handle_at() takes. */
export interface FileHandle {
  readonly type: number;
  readonly bytes: Uint8Array;
}

export interface InotifyWatch {
  readonly wd: number;
  readonly inode: bigint;
  /** Device in the kernel's own form: major << 20 | minor. */
  readonly sdev: number;
  /** IN_* bits. */
  readonly mask: number;
  /** Null when the file system has no handles or the file has no name any more. */
  readonly handle: FileHandle | null;
}

export interface FanotifyMark {
  /** What is marked: FAN_MARK_MOUNT, FAN_MARK_INODE, FAN_MARK_FILESYSTEM, FAN_MARK_MNTNS. */
  readonly on: 'mount' | 'inode' | 'filesystem' | 'mntns';
  readonly mntId: number | null;
  readonly inode: bigint | null;
  readonly sdev: number | null;
  readonly mntNs: number | null;
  readonly markFlags: number;
  readonly mask: number;
  readonly ignoredMask: number;
  readonly handle: FileHandle | null;
}

export interface FanotifyInfo {
  /** FAN_* flags of fanotify_init(). */
  readonly flags: number;
  /** O_* flags for the files of events. */
  readonly eventFlags: number;
  readonly marks: readonly FanotifyMark[];
}

/** MAX_HANDLE_SZ, include/linux/exportfs.h. */
const HANDLE_MAX = 128;
const NEWLINE = 0x0a;

function field(s: ByteScanner, name: string): number {
  s.spaces();
  s.word(`${name}:`);
  return s.hex(name);
}

function bigField(s: ByteScanner, name: string): bigint {
  s.spaces();
  s.word(`${name}:`);
  return s.bigHex(name);
}

/** `fhandle-bytes:8 fhandle-type:1 f_handle:e8f7030000000000`, absent at the end of the line when there is none. */
function handle(s: ByteScanner): FileHandle | null {
  s.spaces();
  if (s.peek() === NEWLINE) return null;
  const length = field(s, 'fhandle-bytes');
  const type = field(s, 'fhandle-type');
  s.spaces();
  s.word('f_handle:');
  if (length > HANDLE_MAX) s.fail(`a handle of at most ${HANDLE_MAX} bytes`);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = hexByte(s);
  return { type, bytes };
}

function hexByte(s: ByteScanner): number {
  const high = hexDigit(s.peek());
  const low = hexDigit(s.bytes[s.pos + 1] ?? NEWLINE);
  if (high < 0 || low < 0) s.fail('a byte of a file handle');
  s.pos += 2;
  return high * 16 + low;
}

/** The rest of a line behind `inotify wd:`. Throws CR_KERNEL. */
export function parseInotifyWatch(s: ByteScanner): InotifyWatch {
  const wd = s.hex('a watch descriptor');
  const [inode, sdev, mask] = [bigField(s, 'ino'), field(s, 'sdev'), field(s, 'mask')];
  field(s, 'ignored_mask');
  return { wd, inode, sdev, mask, handle: handle(s) };
}

function mark(s: ByteScanner, what: Pick<FanotifyMark, 'on'> & Partial<FanotifyMark>): FanotifyMark {
  const [markFlags, mask, ignoredMask] = [field(s, 'mflags'), field(s, 'mask'), field(s, 'ignored_mask')];
  return { mntId: null, inode: null, sdev: null, mntNs: null, ...what, markFlags, mask, ignoredMask, handle: handle(s) };
}

/** The rest of a line behind `fanotify FIRST:`: the flags of the group or one mark. Throws CR_KERNEL. */
export function parseFanotifyLine(first: string, s: ByteScanner): FanotifyMark | Pick<FanotifyInfo, 'flags' | 'eventFlags'> {
  if (first === 'flags') return { flags: s.hex('fanotify flags'), eventFlags: field(s, 'event-flags') };
  if (first === 'mnt_id') return mark(s, { on: 'mount', mntId: s.hex('a mount id') });
  if (first === 'sdev') return mark(s, { on: 'filesystem', sdev: s.hex('a device') });
  // The one decimal number of these lines.
  if (first === 'mnt_ns') return mark(s, { on: 'mntns', mntNs: s.dec('a mount namespace') });
  const inode = s.bigHex('an inode number');
  return mark(s, { on: 'inode', inode, sdev: field(s, 'sdev') });
}
