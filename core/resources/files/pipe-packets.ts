/**
 * Packets in a pipe (O_DIRECT, pipe(2)): a read ends with a packet and drops what it does not take of it. CRIU's images have no field for where one
 * ends, so that is in our own file beside them; without it, as after a dump by CRIU, the bytes are one stream.
 */
import { closeSync, readSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { LocalCalls } from '../../kernel/local.js';
import type { ExtraState } from '../extra-state.js';

export const PACKETS = 'pipe-packets';
const FIONREAD = 0x541b;
/** A pipe holds at most 2^31 bytes and one packet a slot; a list longer than this is no list of ours. */
const TEXT_MAX = 1 << 24;

/** A piece of the content, in order. */
export interface Piece {
  readonly bytes: number;
  readonly packet: boolean;
}

/** What makes two copies of a pipe's content for us: descriptors to read from, which block when they are empty. */
export type Copies = () => number;

function left(calls: LocalCalls, fd: number): number {
  calls.must({ why: 'ask how much is in a pipe' }, 'ioctl', fd, FIONREAD, calls.scratch);
  return calls.scratch.u32(0);
}

/** By reads that take all they can: each ends with a packet, the last may end with bytes. */
function chunksOf(fd: number, total: number): number[] {
  const out: number[] = [];
  const buffer = Buffer.alloc(total);
  for (let done = 0; done < total;) {
    const got = readSync(fd, buffer, 0, total - done, null);
    out.push(got);
    done += got;
  }
  return out;
}

/** True when the first read of one byte drops others. */
function dropsRest(calls: LocalCalls, fd: number): boolean {
  const before = left(calls, fd);
  readSync(fd, Buffer.alloc(1), 0, 1, null);
  return left(calls, fd) < before - 1;
}

/** Pieces of one chunk: bytes, then the packet that ends it. `fd` is read byte by byte until a byte takes more with it. */
function splitChunk(calls: LocalCalls, fd: number, chunk: number, isLast: boolean): Piece[] {
  const one = Buffer.alloc(1);
  for (let stream = 0, rest = left(calls, fd); stream < chunk; stream++) {
    readSync(fd, one, 0, 1, null);
    const now = left(calls, fd);
    const packet = rest - now > 1 || (stream === chunk - 1 && !isLast);
    if (packet) return [...(stream > 0 ? [{ bytes: stream, packet: false }] : []), { bytes: chunk - stream, packet: true }];
    rest = now;
  }
  return [{ bytes: chunk, packet: false }];
}

/** Pieces of a content of `total` bytes; null when it is a plain stream. */
export function packetsOf(calls: LocalCalls, total: number, copy: Copies): Piece[] | null {
  const whole = copy();
  try {
    const chunks = chunksOf(whole, total);
    const bytewise = copy();
    try {
      if (chunks.length === 1) return dropsRest(calls, bytewise) ? [{ bytes: total, packet: true }] : null;
      return chunks.flatMap((chunk, i) => splitChunk(calls, bytewise, chunk, i === chunks.length - 1));
    } finally {
      closeSync(bytewise);
    }
  } finally {
    closeSync(whole);
  }
}

/** `ID:3p,5p,6;ID:...`: bytes of each piece, a packet with a p. */
export function appendPackets(known: string | undefined, pipeId: number, pieces: readonly Piece[]): string {
  const list = pieces.map(({ bytes, packet }) => `${bytes}${packet ? 'p' : ''}`).join();
  return `${known === undefined ? '' : `${known};`}${pipeId}:${list}`;
}

/** By pipe. Throws CR_IMAGE_BAD. */
export function readPackets(extra: Pick<ExtraState, 'get'>, pids: readonly number[]): Map<number, Piece[]> {
  const out = new Map<number, Piece[]>();
  for (const pid of pids) {
    const text = extra.get(pid, PACKETS);
    if (text === undefined) continue;
    if (text.length > TEXT_MAX || !/^\d{1,10}:\d{1,10}p?(?:,\d{1,10}p?)*(?:;\d{1,10}:\d{1,10}p?(?:,\d{1,10}p?)*)*$/.test(text))
      throw new CrError('CR_IMAGE_BAD', { message: 'has impossible packets of pipes', subject: { pid }, target: 'not started' });
    for (const pipe of text.split(';')) {
      const [id, list] = pipe.split(':') as [string, string];
      out.set(
        Number(id),
        list.split(',').map((piece) => ({ bytes: parseInt(piece, 10), packet: piece.endsWith('p') })),
      );
    }
  }
  return out;
}
