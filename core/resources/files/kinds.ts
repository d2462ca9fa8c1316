/** The table of kinds. The first row that claims a file has it, so what is recognised by content comes before what is recognised by path. */
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import { epoll } from './epoll.js';
import { eventfd } from './eventfd.js';
import { fifo } from './fifo.js';
import { type FileKind, fileType, type RefusedKind, S, type SeenFile } from './kind.js';
import { memfd } from './memfd.js';
import { pipe } from './pipe.js';
import { reg } from './reg.js';
import { signalfd } from './signalfd.js';
import { timerfd } from './timerfd.js';
import { tty } from './tty.js';
import { unixSocket } from './unix-socket.js';

export const FILE_KINDS: readonly FileKind[] = [eventfd, epoll, signalfd, timerfd, pipe, fifo, tty, memfd, unixSocket, reg];

const closeFirst = 'not built yet: close it before the dump';

/** Names for what is refused, so that the report says what it is and not only where. */
export const REFUSED_KINDS: readonly RefusedKind[] = [
  {
    name: 'socket',
    claims: (file) => fileType(file.stat.mode) === S.sock,
    refuse: (file) => `is a socket (${file.link}); sockets other than unix sockets without a connection are ${closeFirst}`,
  },
  {
    name: 'anon-inode',
    claims: (file) => file.link.startsWith('anon_inode:') || file.link === 'pidfd' || file.link.startsWith('pidfd:'),
    refuse: (file) => `is ${anonymous(file.link)}; ${closeFirst}`,
  },
  {
    name: 'namespace',
    claims: (file) => /^[a-z_]+:\[\d+\]$/.test(file.link),
    refuse: (file) => `is a namespace or other kernel object (${file.link}); ${closeFirst}`,
  },
  {
    name: 'device',
    claims: (file) => fileType(file.stat.mode) === S.chr || fileType(file.stat.mode) === S.blk,
    refuse: (file) => `is the device ${file.link}, which no resource or plugin knows: close it before the dump`,
  },
  { name: 'other', claims: () => true, refuse: (file) => `is ${file.link}, which no resource or plugin knows: close it before the dump` },
];

const ANONYMOUS: Readonly<Record<string, string>> = {
  'anon_inode:inotify': 'an inotify object',
  'anon_inode:[fanotify]': 'a fanotify object',
  'anon_inode:[pidfd]': 'a pidfd',
  'anon_inode:[io_uring]': 'an io_uring',
  'anon_inode:[userfaultfd]': 'a userfaultfd',
  'anon_inode:bpf-map': 'a BPF map',
  'anon_inode:bpf-prog': 'a BPF program',
  'anon_inode:[perf_event]': 'a perf event',
  'anon_inode:seccomp notify': 'a seccomp listener',
};

function anonymous(link: string): string {
  return `${ANONYMOUS[link] ?? 'a kernel object'} (${link})`;
}

/** Name of a type in files.img, for messages. */
export function typeName(type: number): string {
  return Object.entries(FD_TYPES).find(([, value]) => value === type)?.[0] ?? `type ${type}`;
}

/** Why a file that no kind claims cannot be dumped. @param asked plugins that did not claim it either */
export function refusalOf(file: SeenFile, asked: readonly string[]): string {
  const reason = REFUSED_KINDS.find((kind) => kind.claims(file))!.refuse(file);
  return asked.length === 0 ? reason : `${reason} (nor does a plugin take it; there are ${asked.join(', ')})`;
}
