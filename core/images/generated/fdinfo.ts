// Generated from core/images/schema/fdinfo.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';
import { EVENTFD_FILE_ENTRY, EVENTPOLL_FILE_ENTRY, FANOTIFY_FILE_ENTRY, INOTIFY_FILE_ENTRY, SIGNALFD_ENTRY, TIMERFD_ENTRY, type EventfdFileEntry, type EventpollFileEntry, type FanotifyFileEntry, type InotifyFileEntry, type SignalfdEntry, type TimerfdEntry } from './events.js';
import { BPFMAP_FILE_ENTRY, EXT_FILE_ENTRY, FIFO_ENTRY, MEMFD_FILE_ENTRY, NS_FILE_ENTRY, PIDFD_ENTRY, PIPE_ENTRY, REG_FILE_ENTRY, type BpfmapFileEntry, type ExtFileEntry, type FifoEntry, type MemfdFileEntry, type NsFileEntry, type PidfdEntry, type PipeEntry, type RegFileEntry } from './files.js';
import { TUNFILE_ENTRY, type TunfileEntry } from './net.js';
import { INET_SK_ENTRY, NETLINK_SK_ENTRY, PACKET_SOCK_ENTRY, UNIX_SK_ENTRY, type InetSkEntry, type NetlinkSkEntry, type PacketSockEntry, type UnixSkEntry } from './sockets.js';
import { TTY_FILE_ENTRY, type TtyFileEntry } from './tty.js';

export const FD_TYPES = {
  UND: 0,
  REG: 1,
  PIPE: 2,
  FIFO: 3,
  INETSK: 4,
  UNIXSK: 5,
  EVENTFD: 6,
  EVENTPOLL: 7,
  INOTIFY: 8,
  SIGNALFD: 9,
  PACKETSK: 10,
  TTY: 11,
  FANOTIFY: 12,
  NETLINKSK: 13,
  NS: 14,
  TUNF: 15,
  EXT: 16,
  TIMERFD: 17,
  MEMFD: 18,
  BPFMAP: 19,
  PIDFD: 20,
  CTL_TTY: 65534,
  AUTOFS_PIPE: 65535,
} as const;

export interface FdinfoEntry extends MessageBase {
  id: number;
  flags: number;
  type: number;
  fd: number;
  xattr_security_selinux?: string | undefined;
}

export const FDINFO_ENTRY : MessageType<FdinfoEntry> = new MessageType('fdinfo_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'flags', 'required', 'uint32'],
  [3, 'type', 'required', { enum: 'fd_types', values: FD_TYPES }],
  [4, 'fd', 'required', 'uint32'],
  [5, 'xattr_security_selinux', 'optional', 'string'],
]);

export interface FileEntry extends MessageBase {
  type: number;
  id: number;
  reg?: RegFileEntry | undefined;
  isk?: InetSkEntry | undefined;
  nsf?: NsFileEntry | undefined;
  psk?: PacketSockEntry | undefined;
  nlsk?: NetlinkSkEntry | undefined;
  efd?: EventfdFileEntry | undefined;
  epfd?: EventpollFileEntry | undefined;
  sgfd?: SignalfdEntry | undefined;
  tunf?: TunfileEntry | undefined;
  tfd?: TimerfdEntry | undefined;
  ify?: InotifyFileEntry | undefined;
  ffy?: FanotifyFileEntry | undefined;
  ext?: ExtFileEntry | undefined;
  usk?: UnixSkEntry | undefined;
  fifo?: FifoEntry | undefined;
  pipe?: PipeEntry | undefined;
  tty?: TtyFileEntry | undefined;
  memfd?: MemfdFileEntry | undefined;
  bpf?: BpfmapFileEntry | undefined;
  pidfd?: PidfdEntry | undefined;
}

export const FILE_ENTRY : MessageType<FileEntry> = new MessageType('file_entry', () => [
  [1, 'type', 'required', { enum: 'fd_types', values: FD_TYPES }],
  [2, 'id', 'required', 'uint32'],
  [3, 'reg', 'optional', REG_FILE_ENTRY],
  [4, 'isk', 'optional', INET_SK_ENTRY],
  [5, 'nsf', 'optional', NS_FILE_ENTRY],
  [6, 'psk', 'optional', PACKET_SOCK_ENTRY],
  [7, 'nlsk', 'optional', NETLINK_SK_ENTRY],
  [8, 'efd', 'optional', EVENTFD_FILE_ENTRY],
  [9, 'epfd', 'optional', EVENTPOLL_FILE_ENTRY],
  [10, 'sgfd', 'optional', SIGNALFD_ENTRY],
  [11, 'tunf', 'optional', TUNFILE_ENTRY],
  [12, 'tfd', 'optional', TIMERFD_ENTRY],
  [13, 'ify', 'optional', INOTIFY_FILE_ENTRY],
  [14, 'ffy', 'optional', FANOTIFY_FILE_ENTRY],
  [15, 'ext', 'optional', EXT_FILE_ENTRY],
  [16, 'usk', 'optional', UNIX_SK_ENTRY],
  [17, 'fifo', 'optional', FIFO_ENTRY],
  [18, 'pipe', 'optional', PIPE_ENTRY],
  [19, 'tty', 'optional', TTY_FILE_ENTRY],
  [20, 'memfd', 'optional', MEMFD_FILE_ENTRY],
  [21, 'bpf', 'optional', BPFMAP_FILE_ENTRY],
  [22, 'pidfd', 'optional', PIDFD_ENTRY],
]);
