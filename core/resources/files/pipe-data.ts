/** Bytes inside a pipe or fifo, and its size (pipe(7)): the part that pipes and fifos have in common. */
import { closeSync, readSync, writeSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { ImageReader } from '../../images/reader.js';
import type { LocalCalls } from '../../kernel/local.js';
import type { OpenFile, DumpContext } from './kind.js';
import { F, O } from './open-flags.js';

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
  const data = peek(calls, file.local, size);
  run.images.add(kind, undefined, { pipe_id: pipeId, bytes: data.length, size }, data);
}

/** The content, which stays where it is: tee(2) into a pipe of ours that has as many slots. */
function peek(calls: LocalCalls, fd: number, size: number): Buffer {
  const own = makePipe(calls, 0);
  try {
    calls.must({ why: 'make a pipe as large as that of the target' }, 'fcntl', own.write, F.setPipeSize, size);
    const bytes = calls.call('tee', fd, own.write, size, SPLICE_F_NONBLOCK);
    // EAGAIN: empty.
    if (bytes <= 0) return Buffer.alloc(0);
    const data = Buffer.alloc(bytes);
    for (let at = 0; at < bytes;) at += readSync(own.read, data, at, bytes - at, null);
    return data;
  } finally {
    closeSync(own.read);
    closeSync(own.write);
  }
}

export interface PipeContent {
  readonly size: number | null;
  readonly bytes: number;
  /** Where the bytes begin in the image. */
  readonly offset: number;
}

/** Contents by pipe id. Throws CR_IMAGE_BAD. */
export function readPipeData(images: ImageReader, kind: Kind): Map<number, PipeContent> {
  const out = new Map<number, PipeContent>();
  if (!images.exists(kind)) return out;
  const path = images.pathOf(`${kind}.img`);
  const bad = (message: string) => new CrError('CR_IMAGE_BAD', { message, subject: { path }, target: 'not started' });
  for (const { entry, raw } of images.readWithData(kind)) {
    const { pipe_id, bytes, size } = entry;
    if (out.has(pipe_id)) throw bad(`has the content of pipe ${pipe_id} twice`);
    if (size !== undefined && (size >= SIZE_MAX || bytes > size)) throw bad(`has ${bytes} bytes in pipe ${pipe_id} of size ${size}`);
    out.set(pipe_id, { size: size ?? null, bytes, offset: raw.offset });
  }
  return out;
}

/** Sets the size first (F_SETPIPE_SZ is refused below the content), then puts the bytes in. `fd` writes and does not block. */
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
  const buffer = Buffer.alloc(Math.min(content.bytes, CHUNK));
  try {
    for (let done = 0; done < content.bytes;) {
      const got = readSync(image, buffer, 0, Math.min(buffer.length, content.bytes - done), content.offset + done);
      if (got === 0) throw new CrError('CR_IMAGE_BAD', { message: 'ends inside the content of a pipe', subject: { path: `${kind}.img` } });
      for (let at = 0; at < got;) at += writeSync(fd, buffer, at, got - at);
      done += got;
    }
  } finally {
    closeSync(image);
  }
}

/** Inode number, which names the pipe while it lives; images hold 32 bits of it. */
export function pipeIdOf(file: { readonly stat: { readonly ino: bigint } }): number {
  return Number(file.stat.ino & 0xffff_ffffn);
}
