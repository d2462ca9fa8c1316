/** /proc/sysvipc/shm: System V shared memory segments of the reader's ipc namespace (sysvipc(7)). */
import { type ProcReader, type ProcText } from './reader.js';
import { ByteScanner } from './scanner.js';

/** Bits of `mode` that are not permissions (include/linux/shm.h): destroy at last detach, locked. */
export const SHM_DEST = 0o1000;
export const SHM_LOCKED = 0o2000;

export interface ShmSegment {
  /** 0 is IPC_PRIVATE, or a segment that IPC_RMID has marked. */
  readonly key: number;
  /** Also the inode number of its mappings. */
  readonly id: number;
  /** Permissions, SHM_DEST, SHM_LOCKED. */
  readonly mode: number;
  /** Bytes as asked for; the memory is whole pages. */
  readonly size: bigint;
  /** Who made it and who used it last; 0 when not in the reader's pid namespace. */
  readonly creatorPid: number;
  readonly lastPid: number;
  readonly attached: number;
  readonly uid: number;
  readonly gid: number;
  readonly creatorUid: number;
  readonly creatorGid: number;
  /** Seconds since 1970. */
  readonly attachTime: bigint;
  readonly detachTime: bigint;
  readonly changeTime: bigint;
}

const SHM_LIMIT = 64 * 1024 * 1024;

function segment(s: ByteScanner): ShmSegment {
  const int = (what: string): number => (s.spaces(), s.int(what));
  const big = (what: string): bigint => (s.spaces(), s.bigInt(what));
  const [key, id] = [int('a key'), int('a segment id')];
  s.spaces();
  const mode = s.oct('permissions');
  const size = big('a size');
  const [creatorPid, lastPid, attached] = [int('a pid'), int('a pid'), int('a number of attaches')];
  const [uid, gid, creatorUid, creatorGid] = [int('a uid'), int('a gid'), int('a uid'), int('a gid')];
  const [attachTime, detachTime, changeTime] = [big('a time'), big('a time'), big('a time')];
  // rss and swap of the segment follow.
  s.nextLine();
  return { key, id, mode, size, creatorPid, lastPid, attached, uid, gid, creatorUid, creatorGid, attachTime, detachTime, changeTime };
}

/** Throws CR_KERNEL. */
export function parseShm(text: ProcText): ShmSegment[] {
  const s = new ByteScanner(text.bytes, text.path);
  s.nextLine();
  const out: ShmSegment[] = [];
  while (!s.done) out.push(segment(s));
  return out;
}

/** Segments, empty on a kernel without System V IPC. Asks for the reader's own ipc namespace, not for that of the target. */
export function readShm(reader: ProcReader): ShmSegment[] {
  const text = reader.read('sysvipc/shm', SHM_LIMIT);
  return text === null ? [] : parseShm(text);
}
