/** File locks and leases as text: lines of /proc/locks (proc_locks(5)) and, with the same form, of fdinfo (fs/locks.c, lock_get_status). */
import type { ByteScanner } from './scanner.js';

export interface FileLock {
  /** Running number of the line; a waiter has the number of the lock it waits for. */
  readonly id: number;
  /** True for a waiter (`->`), which holds nothing yet. */
  readonly blocked: boolean;
  /** `POSIX`, `OFDLCK`, `FLOCK`, `LEASE`, `DELEG`, or what a newer kernel says. */
  readonly type: string;
  /** `ADVISORY`; for leases `ACTIVE`, `BREAKING` or `BREAKER`. */
  readonly mode: string;
  /** `READ`, `WRITE`, `UNLCK`. */
  readonly access: string;
  /** Who made it, which for FLOCK may be a dead process; -1 for OFDLCK. */
  readonly pid: number;
  readonly devMajor: number;
  readonly devMinor: number;
  /** 0 when the file is unknown. */
  readonly inode: bigint;
  /** First byte. */
  readonly start: bigint;
  /** Last byte (inclusive), null up to the end of the file however long it gets. */
  readonly end: bigint | null;
}

const [COLON, LESS] = [0x3a, 0x3c];

function file(s: ByteScanner): Pick<FileLock, 'devMajor' | 'devMinor' | 'inode'> {
  if (s.peek() === LESS) {
    s.word('<none>:0');
    return { devMajor: 0, devMinor: 0, inode: 0n };
  }
  const devMajor = s.hex('a device number');
  s.byte(COLON);
  const devMinor = s.hex('a device number');
  s.byte(COLON);
  return { devMajor, devMinor, inode: s.bigDec('an inode number') };
}

function word(s: ByteScanner, what: string): string {
  s.spaces();
  return s.token(what);
}

/** Reads a line from its number to the last byte of the range, without the newline. Throws CR_KERNEL. */
export function parseLockLine(s: ByteScanner): FileLock {
  const id = s.dec('a number of a lock');
  s.byte(COLON);
  s.spaces();
  const blocked = s.tryWord('->');
  const [type, mode, access] = [word(s, 'a kind of lock'), word(s, 'a lock mode'), word(s, 'a lock access')];
  s.spaces();
  const pid = s.int('a pid');
  s.spaces();
  const where = file(s);
  s.spaces();
  const start = s.bigInt('the start of a lock');
  s.spaces();
  const end = s.tryWord('EOF') ? null : s.bigInt('the end of a lock');
  return { id, blocked, type, mode, access, pid, ...where, start, end };
}
