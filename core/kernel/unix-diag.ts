/** What the kernel says about unix sockets by their inode: sock_diag(7), linux/unix_diag.h. For sockets of our own network namespace. */
import { closeSync, readSync, writeSync } from 'node:fs';
import { CrError } from '../errors.js';
import type { LocalCalls } from './local.js';

export interface UnixSocketState {
  readonly inode: number;
  /** SOCK_*. */
  readonly type: number;
  /** TCP_*, as unix sockets use them: 1 is connected, 10 listens. */
  readonly state: number;
  /** Inode of the other end; 0 when there is none. */
  readonly peer: number;
  /** Address without the family, as it was given to bind(2): a path, or a name that begins with 0. Empty when it has none. */
  readonly name: Uint8Array;
  /** RCV_SHUTDOWN (1) and SEND_SHUTDOWN (2). */
  readonly shutdown: number;
  /** Bytes of the queue that nobody has read, or connections that nobody has accepted. */
  readonly waiting: number;
  /** What listen(2) was told; 0 for a socket that does not listen. */
  readonly backlog: number;
}

const AF_UNIX = 1;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLMSG_ERROR = 2;
const NLM_F_REQUEST = 1;
/** struct nlmsghdr, struct unix_diag_req, struct unix_diag_msg. */
const SIZE = { header: 16, request: 24, answer: 16 } as const;
/** UDIAG_SHOW_NAME, UDIAG_SHOW_PEER and UDIAG_SHOW_RQLEN; what is shut down is always told. */
const SHOW = 0x1 | 0x4 | 0x10;
const ATTRIBUTE = { name: 0, peer: 2, queues: 4, shutdown: 6 } as const;
const TCP_LISTEN = 10;
/** A name has 108 bytes at most. */
const MAX_ANSWER = 4096;

function request(inode: number): Buffer {
  const bytes = Buffer.alloc(SIZE.header + SIZE.request);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  bytes.writeUInt16LE(NLM_F_REQUEST, 6);
  bytes.writeUInt8(AF_UNIX, SIZE.header);
  bytes.writeUInt32LE(inode, SIZE.header + 8);
  bytes.writeUInt32LE(SHOW, SIZE.header + 12);
  // Whatever its cookie (sock_diag_check_cookie()).
  bytes.fill(0xff, SIZE.header + 16);
  return bytes;
}

/** The socket in an answer; null for one that is an error. */
export function parseUnixDiag(bytes: Buffer): UnixSocketState | null {
  if (bytes.length < SIZE.header + SIZE.answer || bytes.readUInt16LE(4) !== SOCK_DIAG_BY_FAMILY) return null;
  const parts = new Map<number, Buffer>();
  for (let at = SIZE.header + SIZE.answer; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    parts.set(bytes.readUInt16LE(at + 2), bytes.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  const peer = parts.get(ATTRIBUTE.peer);
  const state = bytes.readUInt8(SIZE.header + 2);
  // struct unix_diag_rqlen. Of a listening socket: connections that wait, and how many may (net/unix/diag.c, sk_diag_show_rqlen()).
  const queues = parts.get(ATTRIBUTE.queues);
  const [waiting, sent] = queues && queues.length >= 8 ? [queues.readUInt32LE(0), queues.readUInt32LE(4)] : [0, 0];
  return {
    inode: bytes.readUInt32LE(SIZE.header + 4),
    type: bytes.readUInt8(SIZE.header + 1),
    state,
    peer: peer && peer.length >= 4 ? peer.readUInt32LE(0) : 0,
    name: Uint8Array.from(parts.get(ATTRIBUTE.name) ?? []),
    shutdown: parts.get(ATTRIBUTE.shutdown)?.[0] ?? 0,
    waiting,
    backlog: state === TCP_LISTEN ? sent : 0,
  };
}

export class UnixDiag {
  private socket = -1;

  constructor(private readonly calls: () => LocalCalls) {}

  /** Null when there is no such unix socket (any more). @throws CrError CR_KERNEL */
  of(inode: number): UnixSocketState | null {
    const why = { why: 'ask the kernel about unix sockets', hint: 'The kernel needs CONFIG_UNIX_DIAG.' };
    if (this.socket < 0) this.socket = this.calls().must(why, 'socket', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    // The kernel answers within the call that asks.
    writeSync(this.socket, request(inode));
    const bytes = Buffer.alloc(MAX_ANSWER);
    const got = bytes.subarray(0, readSync(this.socket, bytes));
    const found = parseUnixDiag(got);
    if (found) return found;
    const errno = got.length >= SIZE.header + 4 && got.readUInt16LE(4) === NLMSG_ERROR ? -got.readInt32LE(SIZE.header) : 0;
    const ENOENT = 2;
    if (errno === ENOENT) return null;
    throw new CrError('CR_KERNEL', { message: `cannot ${why.why}: answered errno ${errno}`, hint: why.hint });
  }

  close(): void {
    if (this.socket >= 0) closeSync(this.socket);
    this.socket = -1;
  }
}
