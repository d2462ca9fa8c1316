/**
 * Everything that `check` probes, one row each: the 45 feature names of CRIU (criu.md section 7), and what plain `check` needs besides. The command,
 * the tests and core/docs/check.md read this table.
 */
import type { Finding, Lab } from './lab.js';
import * as memory from './memory.js';
import * as namespaces from './namespaces.js';
import * as network from './network.js';
import * as sockets from './sockets.js';
import * as tasks from './tasks.js';
import * as tracing from './tracing.js';

/**
 * required: dump and restore are impossible without it, plain `check` fails. extra: some programs need it (--extra). experimental: --experimental.
 * named: probed only by name, because few hosts have it and nothing but special set-ups needs it.
 */
export type Category = 'required' | 'extra' | 'experimental' | 'named';

export interface Probe {
  readonly category: Category;
  /** What cannot be done without it. */
  readonly matters: string;
  readonly run: (lab: Lab) => Finding;
}

const probe = (category: Category, run: Probe['run'], matters: string): Probe => ({ category, run, matters });

/** Names are CRIU's, spelling included. */
export const FEATURES = {
  mnt_id: probe('extra', tasks.mountId, 'open files cannot be told apart by the mount that they are on'),
  mem_dirty_track: probe('extra', memory.dirtyTracking, 'incremental dumps by soft-dirty bits (--track-mem, pre-dump)'),
  aio_remap: probe('extra', memory.aioRemap, 'programs with AIO contexts cannot be restored'),
  timerfd: probe('extra', tasks.timerfd, 'expirations of a timerfd that nobody has read are lost'),
  tun: probe('extra', sockets.tun, 'tun and tap devices cannot be checkpointed'),
  tun_ns: probe('named', sockets.tunNamespace, 'tun devices of other network namespaces cannot be checkpointed'),
  userns: probe('extra', namespaces.userNamespace, 'programs in user namespaces cannot be checkpointed'),
  fdinfo_lock: probe('extra', tasks.fdinfoLock, 'file locks cannot be matched with descriptors'),
  seccomp_suspend: probe('extra', tracing.suspendSeccomp, 'programs under seccomp cannot be checkpointed'),
  seccomp_filters: probe('extra', tracing.dumpSeccompFilter, 'programs with seccomp filters cannot be checkpointed'),
  loginuid: probe('extra', tasks.loginuid, 'the login id of audit is not restored'),
  cgroupns: probe('extra', namespaces.cgroupNamespace, 'programs in cgroup namespaces cannot be restored'),
  autofs: probe('experimental', namespaces.autofs, 'autofs mounts cannot be checkpointed'),
  tcp_half_closed: probe('extra', sockets.tcpHalfClosed, 'TCP connections that one side has closed cannot be checkpointed'),
  compat_cr: probe('experimental', memory.mapVdso32, '32-bit programs cannot be restored'),
  uffd: probe('extra', memory.userfault, 'lazy restore (--lazy-pages)'),
  'uffd-noncoop': probe('extra', memory.userfaultEvents, 'lazy restore of programs that fork, unmap or move memory meanwhile'),
  can_map_vdso: probe('extra', memory.mapVdso64, 'the vDSO has to be moved instead of mapped at restore'),
  sk_ns: probe('extra', sockets.socketNamespace, 'sockets of other network namespaces cannot be checkpointed'),
  sk_unix_file: probe('named', sockets.unixFile, 'unix sockets bound to deleted or hidden files cannot be checkpointed'),
  net_diag_raw: probe('extra', network.rawDiag, 'raw sockets cannot be checkpointed'),
  nsid: probe('named', network.netnsId, 'network devices that reach into other namespaces cannot be checkpointed'),
  link_nsid: probe('named', network.linkNsid, 'veth pairs across namespaces cannot be checkpointed'),
  kcmp_epoll: probe('extra', tasks.kcmpEpoll, 'epolls whose targets were closed, duplicated or sent away cannot be checkpointed'),
  timens: probe('extra', namespaces.timeNamespace, 'clocks jump for restored programs: no time namespace can correct them'),
  external_net_ns: probe('named', namespaces.externalNet, 'programs cannot be restored into a given network namespace'),
  clone3_set_tid: probe('required', tasks.cloneSetTid, 'processes cannot get back their pids'),
  newifindex: probe('extra', network.newIfindex, 'network devices cannot get back their indexes'),
  nftables: probe('named', network.nftables, 'nftables rules are not kept'),
  has_ipt_legacy: probe('named', network.legacyIptables, 'rules of the legacy iptables are not kept'),
  pidfd_store: probe('extra', tasks.pidfdStore, 'RPC clients cannot keep pidfds against the reuse of pids'),
  ns_pid: probe('extra', tasks.nsPid, 'pids inside of pid namespaces cannot be told'),
  apparmor_stacking: probe('named', namespaces.apparmorStacking, 'AppArmor namespaces cannot be checkpointed'),
  network_lock_nftables: probe('extra', network.nftablesConcat, 'the network cannot be locked with nftables (--network-lock nftables)'),
  sockopt_buf_lock: probe('extra', sockets.bufferLock, 'sockets with fixed buffer sizes are restored with sizes that the kernel adjusts'),
  memfd_hugetlb: probe('extra', memory.hugeMemfd, 'memfds of huge pages cannot be restored'),
  move_mount_set_group: probe('extra', namespaces.mountGroup, 'shared and slave mounts have to be rebuilt by the old, limited way'),
  openat2: probe('extra', tasks.openat2, 'mount points cannot be opened safely at restore'),
  get_rseq_conf: probe(
    'extra',
    tracing.rseqConfiguration,
    'programs with restartable sequences (all with glibc >= 2.35) cannot be checkpointed',
  ),
  ipv6_freebind: probe('extra', sockets.freebind6, 'IPv6 sockets with IPV6_FREEBIND cannot be restored'),
  pagemap_scan: probe('required', memory.pagemapScan, 'memory cannot be dumped: which pages exist is asked with PAGEMAP_SCAN (Linux 6.7)'),
  timer_cr_ids: probe('extra', tasks.timerIds, 'ids of POSIX timers have to be counted up to, which takes long for large ones'),
  overlayfs_maps: probe('extra', namespaces.overlayMaps, 'files that are mapped from an overlayfs may not be recognised'),
  breakpoints: probe('named', tracing.hardwareBreakpoint, 'hardware breakpoints; criu-ts does without them'),
  pagemap_scan_guard_pages: probe('extra', memory.pagemapGuards, 'guard pages (MADV_GUARD_INSTALL) cannot be told from swapped pages'),
} as const satisfies Record<string, Probe>;

export type FeatureName = keyof typeof FEATURES;

/** What plain `check` looks at besides the features above: without any of these nothing works. */
export const BASICS: Readonly<Record<string, Probe>> = {
  capabilities: probe('required', tasks.capabilities, 'other processes can neither be frozen nor brought back with their ids'),
  map_files: probe('required', tasks.mapFiles, 'mapped files cannot be opened once they were deleted or replaced'),
  sock_diag: probe('required', network.socketDiag, 'sockets cannot be found'),
  ns_last_pid: probe('required', (lab) => tasks.writable(lab, '/proc/sys/kernel/ns_last_pid'), 'pids cannot be chosen the old way'),
  sock_peek_off: probe('required', sockets.peekOffset, 'data waiting in sockets cannot be read without taking it'),
  kcmp: probe('required', tasks.kcmp, 'shared descriptors, memory and tables cannot be told from equal ones'),
  prctl: probe('required', tasks.memoryPrctl, 'where a program has its stack, arguments and break cannot be restored'),
  fcntl: probe('required', tasks.ownerUids, 'owners of descriptors (F_SETOWN) cannot be read'),
  proc_stat: probe('required', tasks.procStat, 'what a process is cannot be read'),
  tcp: probe('required', sockets.tcpRepair, 'TCP sockets cannot be checkpointed'),
  fdinfo: probe('required', tasks.fdinfoKinds, 'eventfd, epoll, signalfd and inotify cannot be read'),
  vmsplice: probe('required', tasks.unalignedSplice, 'data waiting in pipes cannot be restored'),
  tty: probe('required', tasks.lockedPty, 'locked terminals cannot be told from open ones'),
  so_gets: probe('required', sockets.readableOptions, 'options of sockets cannot be read'),
  ipc: probe('required', (lab) => tasks.writable(lab, '/proc/sys/kernel/sem_next_id'), 'SysV IPC objects cannot get back their ids'),
  sigqueueinfo: probe('required', tasks.queueSignal, 'pending signals cannot be restored'),
  peeksiginfo: probe('required', tracing.peekSignals, 'pending signals cannot be dumped'),
  mremap: probe('required', memory.moveSpecial, 'the vDSO cannot be put where it was'),
  proc_timers: probe('extra', tasks.posixTimersFile, 'POSIX timers cannot be dumped'),
  tcp_window: probe('extra', sockets.tcpWindow, 'the window of TCP connections is not restored'),
};
