/**
 * Unix sockets that a plugin claimed and whose other end is outside of the tree, in CRIU's images (sk-unix.c): the socket's own entry with USK_CALLBACK, and one
 * for the other end with USK_EXTERN. CRIU asks its plugins for the first by inode (RESTORE_UNIX_SK) and needs the second to be there.
 */
import { fstatSync, lstatSync } from 'node:fs';
import { CrError } from '../errors.js';
import { FD_TYPES, type FileEntry } from '../images/generated/fdinfo.js';
import type { UnixSkEntry } from '../images/generated/sockets.js';
import type { ImageReader } from '../images/reader.js';
import type { LocalCalls } from '../kernel/local.js';
import { UnixDiag, type UnixSocketState } from '../kernel/unix-diag.js';
import type { DumpContext, OpenFile } from '../resources/files/kind.js';
import { NO_OWNER } from '../resources/files/owner.js';
import { NO_OPTIONS, readSocketOptions, setSocketOptions } from '../resources/files/socket-options.js';
import type { UnixSocket } from './contexts.js';

export const USK = { extern: 1, callback: 4 } as const;
const TCP_LISTEN = 10;
const TYPES = { 1: 'stream', 2: 'datagram', 5: 'seqpacket' } as const;
const SOCK_DGRAM = 2;

/** A socket of the tree, and what it is connected to. */
export interface OutsideSocket {
  readonly own: UnixSocketState;
  readonly peer: UnixSocketState;
}

/** A socket as plugins see it. */
export function seenSocket({ own, peer }: OutsideSocket): UnixSocket {
  return { inode: own.inode, type: TYPES[own.type as 1] ?? 'stream', name: own.name, peer: peer.name };
}

/** CRIU unlinks the path of a socket before it asks plugins. A relative one could be another file by then, and one that is gone too. */
function storedName(name: Uint8Array): Uint8Array {
  const path = Buffer.from(name).toString('latin1').replace(/\0$/, '');
  if (name.length === 0 || name[0] === 0) return name;
  const file = path.startsWith('/') ? lstatSync(Buffer.from(path, 'latin1'), { throwIfNoEntry: false }) : undefined;
  return file?.isSocket() === true ? name : new Uint8Array();
}

/** For a dump. */
export class OutsideSockets {
  private readonly diag: UnixDiag;
  /** Inodes of sockets that plugins claimed: all that the tree has. */
  private readonly inside = new Set<number>();
  private readonly peers = new Set<number>();

  constructor(private readonly calls: () => LocalCalls) {
    this.diag = new UnixDiag(calls);
  }

  /** Every claimed socket of the tree, before any of them is dumped. */
  add(inode: bigint): void {
    this.inside.add(Number(inode));
  }

  /** Null for a socket that is connected to nobody, or within the tree. @throws CrError CR_KERNEL */
  find(inode: bigint): OutsideSocket | null {
    const own = this.diag.of(Number(inode));
    if (!own || own.peer === 0 || this.inside.has(own.peer)) return null;
    const peer = this.diag.of(own.peer);
    return peer && { own, peer };
  }

  /** Writes the entries. @throws CrError CR_UNSUPPORTED for a socket with a filter */
  write(file: OpenFile, id: number, { own, peer }: OutsideSocket, context: DumpContext): void {
    // CRIU looks for the other end among the entries that it has read so far.
    if (!this.peers.has(peer.inode)) context.add(externEntry(context.newId(), peer));
    this.peers.add(peer.inode);
    const opts = readSocketOptions(this.calls(), file.local, { pid: file.pid, fd: file.fd! });
    context.add({
      type: FD_TYPES.UNIXSK,
      id,
      usk: {
        id,
        ino: own.inode,
        type: own.type,
        state: own.state,
        flags: file.flags,
        uflags: USK.callback,
        backlog: 0,
        peer: peer.inode,
        fown: file.fown,
        opts,
        name: storedName(own.name),
        ...(own.shutdown === 0 ? {} : { shutdown: own.shutdown }),
      },
    });
  }

  close(): void {
    this.diag.close();
  }
}

/** The other end, with what CRIU writes for every such one whatever it is. */
function externEntry(id: number, { inode, name }: UnixSocketState): FileEntry {
  const fixed = { type: SOCK_DGRAM, state: TCP_LISTEN, flags: 0, uflags: USK.extern, backlog: 0, peer: 0 };
  return { type: FD_TYPES.UNIXSK, id, usk: { ...fixed, id, ino: inode, fown: NO_OWNER, opts: NO_OPTIONS, name } };
}

/** For a restore: names of the other ends by inode. */
export function externNames(images: ImageReader): ReadonlyMap<number, Uint8Array> {
  const names = new Map<number, Uint8Array>();
  for (const { usk } of images.readAll('files')) if (usk && (usk.uflags & USK.extern) !== 0) names.set(usk.ino, usk.name);
  return names;
}

/** A claimed socket of a set, as plugins see it. @throws CrError CR_IMAGE_BAD */
export function storedSocket(usk: UnixSkEntry, names: ReadonlyMap<number, Uint8Array>): UnixSocket {
  const type = TYPES[usk.type as 1];
  if (type === undefined)
    throw new CrError('CR_IMAGE_BAD', { message: `unix socket ${usk.id} has the impossible type ${usk.type}`, target: 'not started' });
  return { inode: usk.ino, type, name: usk.name, peer: names.get(usk.peer) ?? new Uint8Array() };
}

/** Gives a socket that a plugin opened the state that it had. @returns false when it is none. @throws CrError */
export function finishSocket(calls: LocalCalls, fd: number, { id, opts, shutdown }: UnixSkEntry): boolean {
  if (!fstatSync(fd).isSocket()) return false;
  setSocketOptions(calls, fd, opts);
  // SHUT_RD, SHUT_WR, SHUT_RDWR are one less than the bits.
  if (shutdown !== undefined && shutdown > 0) calls.must({ why: `shut down unix socket ${id}` }, 'shutdown', fd, shutdown - 1);
  return true;
}
