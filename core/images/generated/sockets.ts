// Generated from core/images/schema/sockets.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';
import { FOWN_ENTRY, SK_OPTS_ENTRY, SK_SHUTDOWN, type FownEntry, type SkOptsEntry } from './common.js';

export interface TcpOptsEntry extends MessageBase {
  cork?: boolean | undefined;
  nodelay?: boolean | undefined;
  keepcnt?: number | undefined;
  keepidle?: number | undefined;
  keepintvl?: number | undefined;
}

export const TCP_OPTS_ENTRY : MessageType<TcpOptsEntry> = new MessageType('tcp_opts_entry', () => [
  [1, 'cork', 'optional', 'bool'],
  [2, 'nodelay', 'optional', 'bool'],
  [3, 'keepcnt', 'optional', 'uint32'],
  [4, 'keepidle', 'optional', 'uint32'],
  [5, 'keepintvl', 'optional', 'uint32'],
]);

export interface TcpStreamEntry extends MessageBase {
  inq_len: number;
  inq_seq: number;
  outq_len: number;
  outq_seq: number;
  opt_mask: number;
  snd_wscale: number;
  mss_clamp: number;
  rcv_wscale?: number | undefined;
  timestamp?: number | undefined;
  cork?: boolean | undefined;
  nodelay?: boolean | undefined;
  unsq_len?: number | undefined;
  snd_wl1?: number | undefined;
  snd_wnd?: number | undefined;
  max_window?: number | undefined;
  rcv_wnd?: number | undefined;
  rcv_wup?: number | undefined;
}

export const TCP_STREAM_ENTRY : MessageType<TcpStreamEntry> = new MessageType('tcp_stream_entry', () => [
  [1, 'inq_len', 'required', 'uint32'],
  [2, 'inq_seq', 'required', 'uint32'],
  [3, 'outq_len', 'required', 'uint32'],
  [4, 'outq_seq', 'required', 'uint32'],
  [5, 'opt_mask', 'required', 'uint32'],
  [6, 'snd_wscale', 'required', 'uint32'],
  [7, 'mss_clamp', 'required', 'uint32'],
  [8, 'rcv_wscale', 'optional', 'uint32'],
  [9, 'timestamp', 'optional', 'uint32'],
  [10, 'cork', 'optional', 'bool'],
  [11, 'nodelay', 'optional', 'bool'],
  [12, 'unsq_len', 'optional', 'uint32'],
  [13, 'snd_wl1', 'optional', 'uint32'],
  [14, 'snd_wnd', 'optional', 'uint32'],
  [15, 'max_window', 'optional', 'uint32'],
  [16, 'rcv_wnd', 'optional', 'uint32'],
  [17, 'rcv_wup', 'optional', 'uint32'],
]);

export interface IpOptsRawEntry extends MessageBase {
  hdrincl?: boolean | undefined;
  nodefrag?: boolean | undefined;
  checksum?: boolean | undefined;
  icmpv_filter: number[];
}

export const IP_OPTS_RAW_ENTRY : MessageType<IpOptsRawEntry> = new MessageType('ip_opts_raw_entry', () => [
  [1, 'hdrincl', 'optional', 'bool'],
  [2, 'nodefrag', 'optional', 'bool'],
  [3, 'checksum', 'optional', 'bool'],
  [4, 'icmpv_filter', 'repeated', 'uint32'],
]);

export interface IpOptsEntry extends MessageBase {
  freebind?: boolean | undefined;
  raw?: IpOptsRawEntry | undefined;
  pktinfo?: boolean | undefined;
  tos?: number | undefined;
  ttl?: number | undefined;
}

export const IP_OPTS_ENTRY : MessageType<IpOptsEntry> = new MessageType('ip_opts_entry', () => [
  [1, 'freebind', 'optional', 'bool'],
  [4, 'raw', 'optional', IP_OPTS_RAW_ENTRY],
  [5, 'pktinfo', 'optional', 'bool'],
  [6, 'tos', 'optional', 'uint32'],
  [7, 'ttl', 'optional', 'uint32'],
]);

export interface InetSkEntry extends MessageBase {
  id: number;
  ino: number;
  family: number;
  type: number;
  proto: number;
  state: number;
  src_port: number;
  dst_port: number;
  flags: number;
  backlog: number;
  src_addr: number[];
  dst_addr: number[];
  fown: FownEntry;
  opts: SkOptsEntry;
  v6only?: boolean | undefined;
  ip_opts?: IpOptsEntry | undefined;
  ifname?: string | undefined;
  ns_id?: number | undefined;
  shutdown?: number | undefined;
  tcp_opts?: TcpOptsEntry | undefined;
}

export const INET_SK_ENTRY : MessageType<InetSkEntry> = new MessageType('inet_sk_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'ino', 'required', 'uint32'],
  [3, 'family', 'required', 'uint32'],
  [4, 'type', 'required', 'uint32'],
  [5, 'proto', 'required', 'uint32'],
  [6, 'state', 'required', 'uint32'],
  [7, 'src_port', 'required', 'uint32'],
  [8, 'dst_port', 'required', 'uint32'],
  [9, 'flags', 'required', 'uint32'],
  [10, 'backlog', 'required', 'uint32'],
  [11, 'src_addr', 'repeated', 'uint32'],
  [12, 'dst_addr', 'repeated', 'uint32'],
  [13, 'fown', 'required', FOWN_ENTRY],
  [14, 'opts', 'required', SK_OPTS_ENTRY],
  [15, 'v6only', 'optional', 'bool'],
  [16, 'ip_opts', 'optional', IP_OPTS_ENTRY],
  [17, 'ifname', 'optional', 'string'],
  [18, 'ns_id', 'optional', 'uint32'],
  [19, 'shutdown', 'optional', { enum: 'sk_shutdown', values: SK_SHUTDOWN }],
  [20, 'tcp_opts', 'optional', TCP_OPTS_ENTRY],
]);

export interface FilePermsEntry extends MessageBase {
  mode: number;
  uid: number;
  gid: number;
}

export const FILE_PERMS_ENTRY : MessageType<FilePermsEntry> = new MessageType('file_perms_entry', () => [
  [1, 'mode', 'required', 'uint32'],
  [2, 'uid', 'required', 'uint32'],
  [3, 'gid', 'required', 'uint32'],
]);

export interface UnixSkEntry extends MessageBase {
  id: number;
  ino: number;
  type: number;
  state: number;
  flags: number;
  uflags: number;
  backlog: number;
  peer: number;
  fown: FownEntry;
  opts: SkOptsEntry;
  name: Uint8Array;
  shutdown?: number | undefined;
  file_perms?: FilePermsEntry | undefined;
  name_dir?: string | undefined;
  deleted?: boolean | undefined;
  ns_id?: number | undefined;
  mnt_id?: number | undefined;
}

export const UNIX_SK_ENTRY : MessageType<UnixSkEntry> = new MessageType('unix_sk_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'ino', 'required', 'uint32'],
  [3, 'type', 'required', 'uint32'],
  [4, 'state', 'required', 'uint32'],
  [5, 'flags', 'required', 'uint32'],
  [6, 'uflags', 'required', 'uint32'],
  [7, 'backlog', 'required', 'uint32'],
  [8, 'peer', 'required', 'uint32'],
  [9, 'fown', 'required', FOWN_ENTRY],
  [10, 'opts', 'required', SK_OPTS_ENTRY],
  [11, 'name', 'required', 'bytes'],
  [12, 'shutdown', 'optional', { enum: 'sk_shutdown', values: SK_SHUTDOWN }],
  [13, 'file_perms', 'optional', FILE_PERMS_ENTRY],
  [14, 'name_dir', 'optional', 'string'],
  [15, 'deleted', 'optional', 'bool'],
  [16, 'ns_id', 'optional', 'uint32'],
  [17, 'mnt_id', 'optional', 'sint32'],
]);

export interface NetlinkSkEntry extends MessageBase {
  id: number;
  ino: number;
  protocol: number;
  state: number;
  flags: number;
  portid: number;
  groups: number[];
  dst_portid: number;
  dst_group: number;
  fown: FownEntry;
  opts: SkOptsEntry;
  ns_id?: number | undefined;
}

export const NETLINK_SK_ENTRY : MessageType<NetlinkSkEntry> = new MessageType('netlink_sk_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'ino', 'required', 'uint32'],
  [3, 'protocol', 'required', 'uint32'],
  [4, 'state', 'required', 'uint32'],
  [6, 'flags', 'required', 'uint32'],
  [7, 'portid', 'required', 'uint32'],
  [8, 'groups', 'repeated', 'uint32'],
  [9, 'dst_portid', 'required', 'uint32'],
  [10, 'dst_group', 'required', 'uint32'],
  [11, 'fown', 'required', FOWN_ENTRY],
  [12, 'opts', 'required', SK_OPTS_ENTRY],
  [13, 'ns_id', 'optional', 'uint32'],
]);

export interface PacketMclist extends MessageBase {
  index: number;
  type: number;
  addr: Uint8Array;
}

export const PACKET_MCLIST : MessageType<PacketMclist> = new MessageType('packet_mclist', () => [
  [1, 'index', 'required', 'uint32'],
  [2, 'type', 'required', 'uint32'],
  [3, 'addr', 'required', 'bytes'],
]);

export interface PacketRing extends MessageBase {
  block_size: number;
  block_nr: number;
  frame_size: number;
  frame_nr: number;
  retire_tmo: number;
  sizeof_priv: number;
  features: number;
}

export const PACKET_RING : MessageType<PacketRing> = new MessageType('packet_ring', () => [
  [1, 'block_size', 'required', 'uint32'],
  [2, 'block_nr', 'required', 'uint32'],
  [3, 'frame_size', 'required', 'uint32'],
  [4, 'frame_nr', 'required', 'uint32'],
  [5, 'retire_tmo', 'required', 'uint32'],
  [6, 'sizeof_priv', 'required', 'uint32'],
  [7, 'features', 'required', 'uint32'],
]);

export interface PacketSockEntry extends MessageBase {
  id: number;
  type: number;
  protocol: number;
  flags: number;
  ifindex: number;
  fown: FownEntry;
  opts: SkOptsEntry;
  version: number;
  reserve: number;
  aux_data: boolean;
  orig_dev: boolean;
  vnet_hdr: boolean;
  loss: boolean;
  timestamp: number;
  copy_thresh: number;
  mclist: PacketMclist[];
  fanout?: number | undefined;
  rx_ring?: PacketRing | undefined;
  tx_ring?: PacketRing | undefined;
  ns_id?: number | undefined;
}

export const PACKET_SOCK_ENTRY : MessageType<PacketSockEntry> = new MessageType('packet_sock_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'type', 'required', 'uint32'],
  [3, 'protocol', 'required', 'uint32'],
  [4, 'flags', 'required', 'uint32'],
  [5, 'ifindex', 'required', 'uint32'],
  [6, 'fown', 'required', FOWN_ENTRY],
  [7, 'opts', 'required', SK_OPTS_ENTRY],
  [8, 'version', 'required', 'uint32'],
  [9, 'reserve', 'required', 'uint32'],
  [10, 'aux_data', 'required', 'bool'],
  [11, 'orig_dev', 'required', 'bool'],
  [12, 'vnet_hdr', 'required', 'bool'],
  [13, 'loss', 'required', 'bool'],
  [14, 'timestamp', 'required', 'uint32'],
  [15, 'copy_thresh', 'required', 'uint32'],
  [16, 'mclist', 'repeated', PACKET_MCLIST],
  [17, 'fanout', 'optional', 'uint32'],
  [18, 'rx_ring', 'optional', PACKET_RING],
  [19, 'tx_ring', 'optional', PACKET_RING],
  [20, 'ns_id', 'optional', 'uint32'],
]);

export interface ScmEntry extends MessageBase {
  type: number;
  rights: number[];
}

export const SCM_ENTRY : MessageType<ScmEntry> = new MessageType('scm_entry', () => [
  [1, 'type', 'required', 'uint32'],
  [2, 'rights', 'repeated', 'uint32'],
]);

export interface SkPacketEntry extends MessageBase {
  id_for: number;
  length: number;
  scm: ScmEntry[];
}

export const SK_PACKET_ENTRY : MessageType<SkPacketEntry> = new MessageType('sk_packet_entry', () => [
  [1, 'id_for', 'required', 'uint32'],
  [2, 'length', 'required', 'uint32'],
  [4, 'scm', 'repeated', SCM_ENTRY],
]);
