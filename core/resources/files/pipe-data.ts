/** Bytes inside a pipe or fifo, and its size (pipe(7)): the part that pipes and fifos have in common. */
import { closeSync, readSync, writeSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { ImageReader } from '../../images/reader.js';
import type { LocalCalls } from '../../kernel/local.js';
import type { RestoreRun } from '../../restore/model.js';
import type { OpenFile, DumpContext } from './kind.js';
import { F, O } from './open-flags.js';
import { appendPackets, PACKETS, packetsOf, type Piece, readPackets } from './pipe-packets.js';

type Kind = 'pipes-data' | 'fifo-data';

const SPLICE_F_NONBLOCK = 2;
/** The kernel allows no pipe of 2 GiB or more (fs/pipe.c, round_pipe_size). */
const SIZE_MAX = 0x8000_0000;
const CHUNK = 65536;

export function makePipe(calls: LocalCalls, flags: number): { readonly read: number; readonly write: number } {
  calls.must({ why: 'create a pipe' }, 'pipe2', calls.scratch, O.cloexec | flags);
  return { read: calls.scratch.i32(0), write: calls.scratch.i32(4) };
}

/** Writes size and content once for each pipe. Only through an end that reads: what nobody of the tree can read belongs to somebody else. */
export function dumpPipeData(kind: Kind, file: OpenFile, pipeId: number, { run, calls, state }: DumpContext): void {
  if ((file.flags & O.accmode) === O.wronly) return;
  const done = state(kind, () => new Set<number>());
  if (done.has(pipeId)) return;
  done.add(pipeId);
  const subject = { pid: file.pid, fd: file.fd ?? 0, what: file.link };
  const size = calls.must({ why: 'read the size of a pipe', subject }, 'fcntl', file.local, F.getPipeSize);
  const copy = peek(calls, file.local, size);
  const data = copy === null ? Buffer.alloc(0) : readCopy(copy.fd, copy.bytes);
  run.images.add(kind, undefined, { pipe_id: pipeId, bytes: data.length, size }, data);
  if (data.length === 0) return;
  const pieces = packetsOf(calls, data.length, () => peek(calls, file.local, size)!.fd);
  const pid = run.tasks.find((task) => task.pid === file.pid)!.nsPid;
  if (pieces !== null) run.extra.set(pid, PACKETS, appendPackets(run.extra.get(pid, PACKETS), pipeId, pieces));
}

/** The content, which stays where it is: tee(2) into a pipe of ours that has as many slots. Null when there is none. The caller closes it. */
function peek(calls: LocalCalls, fd: number, size: number): { readonly fd: number; readonly bytes: number } | null {
  const own = makePipe(calls, 0);
  let bytes = 0;
  try {
    calls.must({ why: 'make a pipe as large as that of the target' }, 'fcntl', own.write, F.setPipeSize, size);
    bytes = calls.call('tee', fd, own.write, size, SPLICE_F_NONBLOCK);
  } finally {
    closeSync(own.write);
    if (bytes <= 0) closeSync(own.read);
  }
  // EAGAIN: empty.
  return bytes <= 0 ? null : { fd: own.read, bytes };
}

function readCopy(fd: number, bytes: number): Buffer {
  try {
    const data = Buffer.alloc(bytes);
    for (let at = 0; at < bytes;) at += readSync(fd, data, at, bytes - at, null);
    return data;
  } finally {
    closeSync(fd);
  }
}

export interface PipeContent {
  readonly size: number | null;
  readonly bytes: number;
  /** Where the bytes begin in the image. */
  readonly offset: number;
  /** Null for a stream. */
  readonly pieces: readonly Piece[] | null;
}

/** Contents by pipe id. Throws CR_IMAGE_BAD. */
export function readPipeData({ images, extra, tasks }: RestoreRun, kind: Kind): Map<number, PipeContent> {
  const out = new Map<number, PipeContent>();
  if (!images.exists(kind)) return out;
  const path = images.pathOf(`${kind}.img`);
  const packets = readPackets(
    extra,
    tasks.map(({ pid }) => pid),
  );
  const bad = (message: string) => new CrError('CR_IMAGE_BAD', { message, subject: { path }, target: 'not started' });
  for (const { entry, raw } of images.readWithData(kind)) {
    const { pipe_id, bytes, size } = entry;
    if (out.has(pipe_id)) throw bad(`has the content of pipe ${pipe_id} twice`);
    if (size !== undefined && (size >= SIZE_MAX || bytes > size)) throw bad(`has ${bytes} bytes in pipe ${pipe_id} of size ${size}`);
    const pieces = packets.get(pipe_id) ?? null;
    const impossible =
      pieces?.some((piece) => piece.bytes === 0) || (pieces?.reduce((sum, piece) => sum + piece.bytes, 0) ?? bytes) !== bytes;
    if (impossible) throw bad(`has ${bytes} bytes in pipe ${pipe_id}, its packets say otherwise`);
    out.set(pipe_id, { size: size ?? null, bytes, offset: raw.offset, pieces });
  }
  return out;
}

/**
 * Sets the size first (F_SETPIPE_SZ is refused below the content), then puts the bytes in. `fd` writes and does not block; its status flags are not
 * kept.
 */
export function fillPipe(calls: LocalCalls, images: ImageReader, kind: Kind, fd: number, content: PipeContent): void {
  if (content.size !== null)
    calls.must(
      {
        why: `make a pipe of ${content.size} bytes`,
        hint: 'Raise fs.pipe-max-size and fs.pipe-user-pages-soft, or restore with CAP_SYS_RESOURCE.',
      },
      'fcntl',
      fd,
      F.setPipeSize,
      content.size,
    );
  if (content.bytes === 0) return;
  const image = images.openRaw(`${kind}.img`);
  try {
    let offset = content.offset;
    for (const { bytes, packet } of content.pieces ?? [{ bytes: content.bytes, packet: false }]) {
      if (content.pieces) calls.must({ why: 'set the mode of a pipe' }, 'fcntl', fd, F.setfl, packet ? O.direct : 0);
      copyPiece(image, offset, fd, bytes, `${kind}.img`);
      offset += bytes;
    }
    if (content.pieces) calls.must({ why: 'set the mode of a pipe' }, 'fcntl', fd, F.setfl, 0);
  } finally {
    closeSync(image);
  }
}

/** A packet has at most a page, so it goes in at once. */
function copyPiece(image: number, offset: number, fd: number, bytes: number, path: string): void {
  const buffer = Buffer.alloc(Math.min(bytes, CHUNK));
  for (let done = 0; done < bytes;) {
    const got = readSync(image, buffer, 0, Math.min(buffer.length, bytes - done), offset + done);
    if (got === 0) throw new CrError('CR_IMAGE_BAD', { message: 'ends inside the content of a pipe', subject: { path } });
    for (let at = 0; at < got;) at += writeSync(fd, buffer, at, got - at);
    done += got;
  }
}

/** Inode number, which names the pipe while it lives; images hold 32 bits of it. */
export function pipeIdOf(file: { readonly stat: { readonly ino: bigint } }): number {
  return Number(file.stat.ino & 0xffff_ffffn);
}
