/**
 * Unix sockets (unix(7)) that nobody is connected to: not bound, or bound to an abstract name, and perhaps listening. Every process that uses CUDA has one
 * (gpu.md). Connected ones, those with a path, and those in whose queue something waits are not built yet.
 */
import { closeSync } from 'node:fs';
import { CrError } from '../../errors.js';
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import type { UnixSkEntry } from '../../images/generated/sockets.js';
import { LocalCalls } from '../../kernel/local.js';
import { UnixDiag, type UnixSocketState } from '../../kernel/unix-diag.js';
import { type FileKind, fileType, S, type SeenFile } from './kind.js';
import { F, O, SETTABLE } from './open-flags.js';
import { readSocketOptions, setSocketOptions } from './socket-options.js';

const AF_UNIX = 1;
/** SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET. */
const TYPES: readonly number[] = [1, 2, 5];
/** Neither connected nor listening; listening (linux/tcp_states.h). */
const STATE = { close: 7, listen: 10 } as const;
/** Longest name: sun_path. */
const NAME_MAX = 108;
/** Flags of the image: with a plugin (USK_CALLBACK), outside (USK_EXTERN) and more of the kind are not ours. */
const NO_FLAGS = 0;
/** SHUT_RD, SHUT_WR, SHUT_RDWR are one less than the bits. */
const SHUTDOWN_MAX = 3;
/** Id of the network namespace of criu-ts, in which all sockets are. */
export const OWN_NET_ID = 2;
const EADDRINUSE = -98;

const isAbstract = (name: Uint8Array) => name.length > 0 && name[0] === 0;

/** A name as ss(8) shows it: NUL is "@". */
function shown(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1').replaceAll('\0', '@');
}

function isAlone({ state, peer, name, waiting }: UnixSocketState): boolean {
  const known = state === STATE.close || state === STATE.listen;
  return known && peer === 0 && waiting === 0 && (name.length === 0 || isAbstract(name));
}

/** What the kernel says now. Null for sockets of other families and of other network namespaces. */
function stateOf(file: SeenFile): UnixSocketState | null {
  const calls = new LocalCalls();
  const diag = new UnixDiag(() => calls);
  try {
    return diag.of(Number(file.stat.ino));
  } finally {
    diag.close();
    calls.close();
  }
}

export const unixSocket: FileKind = {
  name: 'unix-socket',
  type: FD_TYPES.UNIXSK,
  field: 'usk',
  claims(file) {
    if (file.fd === null || fileType(file.stat.mode) !== S.sock) return false;
    const state = stateOf(file);
    return state !== null && isAlone(state);
  },
  dump(file, id, { calls, add }) {
    const state = stateOf(file);
    if (!state || !isAlone(state))
      throw new CrError('CR_UNSUPPORTED', {
        message: 'is a unix socket to which somebody connected meanwhile',
        subject: { pid: file.pid, fd: file.fd! },
        hint: 'Dump again.',
        target: 'running',
      });
    const { inode: ino, type, state: how, backlog, name, shutdown } = state;
    const opts = readSocketOptions(calls, file.local, { pid: file.pid, fd: file.fd! });
    const fixed = { uflags: NO_FLAGS, peer: 0, ns_id: OWN_NET_ID };
    const closed = shutdown === 0 ? {} : { shutdown };
    add({
      type: FD_TYPES.UNIXSK,
      id,
      usk: { ...fixed, id, ino, type, state: how, flags: file.flags, backlog, fown: file.fown, opts, name, ...closed },
    });
  },
  reads: ({ usk }) => usk === undefined || usk.uflags === NO_FLAGS,
  read({ id, usk }, { run }) {
    const entry = usk!;
    check(entry);
    const { flags, fown, name, backlog } = entry;
    const what = name.length === 0 ? 'a unix socket' : `unix socket ${shown(name)}`;
    return {
      id,
      what,
      flags,
      fown,
      open: () => make(run.calls, entry),
      // Whoever connects is told who listens (SO_PEERCRED), so the task itself calls it, with its own credentials.
      ...(entry.state === STATE.listen ? { arm: (p, { fd }) => void p.sys.listen(fd, backlog).must(`listen on ${what}`) } : {}),
    };
  },
};

/** @throws CrError CR_IMAGE_BAD, CR_IMAGE_FEATURE */
function check({ id, type, state, peer, name, shutdown }: UnixSkEntry): void {
  const subject = { path: 'files.img' };
  if (!TYPES.includes(type) || name.length > NAME_MAX || (shutdown ?? 0) > SHUTDOWN_MAX)
    throw new CrError('CR_IMAGE_BAD', { message: `unix socket ${id} is impossible`, subject, target: 'not started' });
  const why =
    peer !== 0 || (state !== STATE.close && state !== STATE.listen)
      ? 'is connected'
      : name.length > 0 && !isAbstract(name)
        ? `is bound to the path ${shown(name)}`
        : null;
  if (why !== null)
    throw new CrError('CR_IMAGE_FEATURE', { message: `unix socket ${id} ${why}, which is not built yet`, subject, target: 'not started' });
}

/** @throws CrError CR_RESTORE when somebody has its name, CR_KERNEL */
function make(calls: LocalCalls, { id, type, name, opts, shutdown, flags }: UnixSkEntry): number {
  const fd = calls.must({ why: 'create a unix socket' }, 'socket', AF_UNIX, type | O.cloexec, 0);
  try {
    if (name.length > 0) bind(calls, fd, name);
    setSocketOptions(calls, fd, opts);
    if (shutdown !== undefined && shutdown > 0) calls.must({ why: `shut down unix socket ${id}` }, 'shutdown', fd, shutdown - 1);
    calls.must({ why: 'set the flags of a unix socket' }, 'fcntl', fd, F.setfl, flags & SETTABLE);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function bind(calls: LocalCalls, fd: number, name: Uint8Array): void {
  const { arena, offset } = calls.scratch;
  const view = new DataView(arena.bytes.buffer, arena.bytes.byteOffset + offset, 2);
  view.setUint16(0, AF_UNIX, true);
  arena.bytes.set(name, offset + 2);
  const result = calls.call('bind', fd, calls.scratch, 2 + name.length);
  if (result === EADDRINUSE)
    throw new CrError('CR_RESTORE', {
      message: `unix socket ${shown(name)}: somebody has this name`,
      hint: 'ss -xlp tells who. End that process, or restore in a network namespace of its own (ip netns exec).',
      target: 'not started',
    });
  if (result < 0) calls.must({ why: `bind unix socket ${shown(name)}` }, 'bind', fd, calls.scratch, 2 + name.length);
}
