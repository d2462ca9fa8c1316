/**
 * All image files: name, magic numbers, message, and what lies behind each record. Names and numbers are CRIU's (criu.md sections 3.1 to 3.3);
 * they are what makes sets exchangeable. Importing this loads the field tables of all kinds, but each table is worked out when first used.
 */
import { CGROUP_ENTRY } from './generated/cgroup.js';
import { IRMAP_CACHE_ENTRY } from './generated/common.js';
import * as core from './generated/core.js';
import { CPUINFO_ENTRY } from './generated/cpuinfo.js';
import * as events from './generated/events.js';
import { FDINFO_ENTRY, FILE_ENTRY } from './generated/fdinfo.js';
import * as files from './generated/files.js';
import { INVENTORY_ENTRY } from './generated/inventory.js';
import { MM_ENTRY, PAGEMAP_ENTRY, PAGEMAP_HEAD, VMA_ENTRY } from './generated/memory.js';
import { AUTOFS_ENTRY, BINFMT_MISC_ENTRY, MNT_ENTRY } from './generated/mounts.js';
import * as ns from './generated/namespaces.js';
import { NET_DEVICE_ENTRY, NETNS_ENTRY, TUNFILE_ENTRY } from './generated/net.js';
import { APPARMOR_ENTRY, SECCOMP_ENTRY } from './generated/seccomp.js';
import * as sockets from './generated/sockets.js';
import { STATS_ENTRY } from './generated/stats.js';
import { FS_ENTRY, PSTREE_ENTRY, TASK_KOBJ_IDS_ENTRY } from './generated/task.js';
import { TTY_DATA_ENTRY, TTY_FILE_ENTRY, TTY_INFO_ENTRY } from './generated/tty.js';
import { image, MAGIC_SERVICE, type ImageKind } from './kind.js';

const single = { single: true };
const bytes = <T>(size: (entry: T) => bigint, pad = 1) => ({ payload: { size, pad } });
const pipeData = bytes((entry: files.PipeDataEntry) => BigInt(entry.bytes));
const tcpData = bytes((entry: sockets.TcpStreamEntry) => BigInt(entry.inq_len) + BigInt(entry.outq_len));
const packet = bytes((entry: sockets.SkPacketEntry) => BigInt(entry.length));
const mapData = bytes((entry: files.BpfmapDataEntry) => BigInt(entry.keys_bytes) + BigInt(entry.values_bytes));
const segment = bytes((entry: ns.IpcShmEntry) => (entry.in_pagemaps === true ? 0n : entry.size), 4);
const semaphores = bytes((entry: ns.IpcSemEntry) => 2n * BigInt(entry.nsems), 8);
const ghost = { first: files.GHOST_FILE_ENTRY, payload: 'rest-or-chunks' } as const;
const service = { single: true, prefix: MAGIC_SERVICE };

/** What a dump writes today. */
const CURRENT = {
  inventory: image('INVENTORY', 0x58313116, 'inventory.img', INVENTORY_ENTRY, { single: true, prefix: null }),
  pstree: image('PSTREE', 0x50273030, 'pstree.img', PSTREE_ENTRY),
  core: image('CORE', 0x55053847, 'core-%u.img', core.CORE_ENTRY, single),
  ids: image('IDS', 0x54432030, 'ids-%u.img', TASK_KOBJ_IDS_ENTRY, single),
  mm: image('MM', 0x57492820, 'mm-%u.img', MM_ENTRY, single),
  fs: image('FS', 0x51403912, 'fs-%u.img', FS_ENTRY, single),
  fdinfo: image('FDINFO', 0x56213732, 'fdinfo-%u.img', FDINFO_ENTRY),
  files: image('FILES', 0x56303138, 'files.img', FILE_ENTRY),
  pagemap: image('PAGEMAP', 0x56084025, 'pagemap-%u.img', PAGEMAP_ENTRY, { first: PAGEMAP_HEAD }),
  'pagemap-shmem': image('PAGEMAP', 0x56084025, 'pagemap-shmem-%u.img', PAGEMAP_ENTRY, { first: PAGEMAP_HEAD }),
  seccomp: image('SECCOMP', 0x64413049, 'seccomp.img', SECCOMP_ENTRY, single),
  timens: image('TIMENS', 0x43114433, 'timens-%u.img', ns.TIMENS_ENTRY, single),
  cgroup: image('CGROUP', 0x59383330, 'cgroup.img', CGROUP_ENTRY, single),
  'remap-fpath': image('REMAP_FPATH', 0x59133954, 'remap-fpath.img', files.REMAP_FILE_PATH_ENTRY),
  'ghost-file': image('GHOST_FILE', 0x52583605, 'ghost-file-%x.img', files.GHOST_CHUNK_ENTRY, ghost),
  memfd: image('MEMFD_INODE', 0x48453499, 'memfd.img', files.MEMFD_INODE_ENTRY),
  'pipes-data': image('PIPES_DATA', 0x56453709, 'pipes-data.img', files.PIPE_DATA_ENTRY, pipeData),
  'fifo-data': image('FIFO_DATA', 0x59333054, 'fifo-data.img', files.PIPE_DATA_ENTRY, pipeData),
  'sk-queues': image('SK_QUEUES', 0x56264026, 'sk-queues.img', sockets.SK_PACKET_ENTRY, packet),
  'tcp-stream': image('TCP_STREAM', 0x51465506, 'tcp-stream-%x.img', sockets.TCP_STREAM_ENTRY, { single: true, ...tcpData }),
  'tty-info': image('TTY_INFO', 0x59453036, 'tty-info.img', TTY_INFO_ENTRY),
  'tty-data': image('TTY_DATA', 0x59413026, 'tty-data.img', TTY_DATA_ENTRY),
  filelocks: image('FILE_LOCKS', 0x54323616, 'filelocks.img', files.FILE_LOCK_ENTRY),
  userns: image('USERNS', 0x55474906, 'userns-%u.img', ns.USERNS_ENTRY, single),
  pidns: image('PIDNS', 0x61157326, 'pidns-%u.img', ns.PIDNS_ENTRY, single),
  utsns: image('UTSNS', 0x54473203, 'utsns-%u.img', ns.UTSNS_ENTRY, single),
  'ipcns-var': image('IPC_VAR', 0x53115007, 'ipcns-var-%u.img', ns.IPC_VAR_ENTRY, single),
  'ipcns-shm': image('IPCNS_SHM', 0x46283044, 'ipcns-shm-%u.img', ns.IPC_SHM_ENTRY, segment),
  'ipcns-msg': image('IPCNS_MSG', 0x55453737, 'ipcns-msg-%u.img', ns.IPC_MSG_ENTRY, { payload: 'messages' }),
  'ipcns-sem': image('IPCNS_SEM', 0x59573019, 'ipcns-sem-%u.img', ns.IPC_SEM_ENTRY, semaphores),
  mountpoints: image('MNTS', 0x55563928, 'mountpoints-%u.img', MNT_ENTRY),
  netdev: image('NETDEV', 0x57373951, 'netdev-%u.img', NET_DEVICE_ENTRY),
  netns: image('NETNS', 0x55933752, 'netns-%u.img', NETNS_ENTRY, single),
  autofs: image('AUTOFS', 0x49353943, 'autofs-%u.img', AUTOFS_ENTRY, single),
  'binfmt-misc': image('BINFMT_MISC', 0x67343323, 'binfmt-misc.img', BINFMT_MISC_ENTRY),
  'bpfmap-file': image('BPFMAP_FILE', 0x57506142, 'bpfmap-file.img', files.BPFMAP_FILE_ENTRY),
  'bpfmap-data': image('BPFMAP_DATA', 0x64324033, 'bpfmap-data.img', files.BPFMAP_DATA_ENTRY, mapData),
  apparmor: image('APPARMOR', 0x59423047, 'apparmor.img', APPARMOR_ENTRY, single),
  cpuinfo: image('CPUINFO', 0x61404013, 'cpuinfo.img', CPUINFO_ENTRY, single),
  'stats-dump': image('STATS', 0x57093306, 'stats-dump', STATS_ENTRY, service),
  'stats-restore': image('STATS', 0x57093306, 'stats-restore', STATS_ENTRY, service),
  'irmap-cache': image('IRMAP_CACHE', 0x57004059, 'irmap-cache', IRMAP_CACHE_ENTRY, { prefix: MAGIC_SERVICE }),
};

/** What only old versions wrote: one file per kind of descriptor, and pieces of today's core image. */
const LEGACY = {
  'reg-files': image('REG_FILES', 0x50363636, 'reg-files.img', files.REG_FILE_ENTRY),
  'ext-files': image('EXT_FILES', 0x59255641, 'ext-files.img', files.EXT_FILE_ENTRY),
  'ns-files': image('NS_FILES', 0x61394011, 'ns-files.img', files.NS_FILE_ENTRY),
  eventfd: image('EVENTFD_FILE', 0x44523722, 'eventfd.img', events.EVENTFD_FILE_ENTRY),
  eventpoll: image('EVENTPOLL_FILE', 0x45023858, 'eventpoll.img', events.EVENTPOLL_FILE_ENTRY),
  'eventpoll-tfd': image('EVENTPOLL_TFD', 0x44433746, 'eventpoll-tfd.img', events.EVENTPOLL_TFD_ENTRY),
  signalfd: image('SIGNALFD', 0x57323820, 'signalfd.img', events.SIGNALFD_ENTRY),
  timerfd: image('TIMERFD', 0x50493712, 'timerfd.img', events.TIMERFD_ENTRY),
  inotify: image('INOTIFY_FILE', 0x48424431, 'inotify.img', events.INOTIFY_FILE_ENTRY),
  'inotify-wd': image('INOTIFY_WD', 0x54562009, 'inotify-wd.img', events.INOTIFY_WD_ENTRY),
  fanotify: image('FANOTIFY_FILE', 0x55096122, 'fanotify.img', events.FANOTIFY_FILE_ENTRY),
  'fanotify-mark': image('FANOTIFY_MARK', 0x56506035, 'fanotify-mark.img', events.FANOTIFY_MARK_ENTRY),
  pipes: image('PIPES', 0x56513555, 'pipes.img', files.PIPE_ENTRY),
  fifo: image('FIFO', 0x58364939, 'fifo.img', files.FIFO_ENTRY),
  unixsk: image('UNIXSK', 0x54373943, 'unixsk.img', sockets.UNIX_SK_ENTRY),
  inetsk: image('INETSK', 0x56443851, 'inetsk.img', sockets.INET_SK_ENTRY),
  packetsk: image('PACKETSK', 0x60454618, 'packetsk.img', sockets.PACKET_SOCK_ENTRY),
  netlinksk: image('NETLINK_SK', 0x58005614, 'netlinksk.img', sockets.NETLINK_SK_ENTRY),
  tty: image('TTY_FILES', 0x59433025, 'tty.img', TTY_FILE_ENTRY),
  tunfile: image('TUNFILE', 0x57143751, 'tunfile.img', TUNFILE_ENTRY),
  pidfd: image('PIDFD', 0x54435556, 'pidfd.img', files.PIDFD_ENTRY),
  vmas: image('VMAS', 0x54123737, 'vmas-%u.img', VMA_ENTRY),
  sigacts: image('SIGACT', 0x55344201, 'sigacts-%u.img', core.SA_ENTRY),
  itimers: image('ITIMERS', 0x57464056, 'itimers-%u.img', core.ITIMER_ENTRY),
  'posix-timers': image('POSIX_TIMERS', 0x52603957, 'posix-timers-%u.img', core.POSIX_TIMER_ENTRY),
  creds: image('CREDS', 0x54023547, 'creds-%u.img', core.CREDS_ENTRY, single),
  rlimit: image('RLIMIT', 0x57113925, 'rlimit-%u.img', core.RLIMIT_ENTRY),
  'binfmt-misc-ns': image('BINFMT_MISC', 0x67343323, 'binfmt-misc-%u.img', BINFMT_MISC_ENTRY),
  'signal-s': image('SIGNAL', 0x59255647, 'signal-s-%u.img', core.SIGINFO_ENTRY),
  'signal-p': image('SIGNAL', 0x59255647, 'signal-p-%u.img', core.SIGINFO_ENTRY),
};

export const IMAGES = { ...CURRENT, ...LEGACY };

export type KindName = keyof typeof IMAGES;
/** Messages of the records of a kind, the first one's included. */
export type EntryOf<K extends KindName> = (typeof IMAGES)[K] extends ImageKind<infer T, infer H> ? T | H : never;

/** A row of the table, without the types of its messages. */
export function kindOf(name: KindName): ImageKind {
  return IMAGES[name];
}

/**
 * Kinds of which a set has at most one file. A dump that writes into a folder with an older set must not leave one of these behind: the next
 * restore would take it for part of the new set. (cpuinfo.img is written by a command of its own, statistics are not part of a set.)
 */
export const GLOBAL_KINDS: readonly KindName[] = (Object.keys(IMAGES) as KindName[]).filter(
  (name) => !IMAGES[name].file.includes('%') && IMAGES[name].prefix !== MAGIC_SERVICE && name !== 'cpuinfo',
);

/** Files without magic number and records: contents of memory and of file systems, and output of other tools. */
export const RAW_FILES =
  /^(pages-(shmem-)?\d+|(ifaddr|route6?|rule|ip6?tables|nftables|netns-(ct|exp))-\d+|tmpfs-(dev-)?\d+\.tar\.gz)\.img$/;
