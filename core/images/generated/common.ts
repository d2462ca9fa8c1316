// Generated from core/images/schema/common.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export interface FownEntry extends MessageBase {
  uid: number;
  euid: number;
  signum: number;
  pid_type: number;
  pid: number;
}

export const FOWN_ENTRY : MessageType<FownEntry> = new MessageType('fown_entry', () => [
  [1, 'uid', 'required', 'uint32'],
  [2, 'euid', 'required', 'uint32'],
  [3, 'signum', 'required', 'uint32'],
  [4, 'pid_type', 'required', 'uint32'],
  [5, 'pid', 'required', 'uint32'],
]);

export const FH_ENTRY_SIZES = {
  min_entries: 16,
} as const;

export interface FhEntry extends MessageBase {
  bytes: number;
  type: number;
  handle: bigint[];
  path?: string | undefined;
  mnt_id?: number | undefined;
}

export const FH_ENTRY : MessageType<FhEntry> = new MessageType('fh_entry', () => [
  [1, 'bytes', 'required', 'uint32'],
  [2, 'type', 'required', 'uint32'],
  [3, 'handle', 'repeated', 'uint64'],
  [4, 'path', 'optional', 'string'],
  [5, 'mnt_id', 'optional', 'uint32'],
]);

export interface IrmapCacheEntry extends MessageBase {
  dev: number;
  inode: bigint;
  path: string;
}

export const IRMAP_CACHE_ENTRY : MessageType<IrmapCacheEntry> = new MessageType('irmap_cache_entry', () => [
  [1, 'dev', 'required', 'uint32'],
  [2, 'inode', 'required', 'uint64'],
  [3, 'path', 'required', 'string'],
]);

export interface Timeval extends MessageBase {
  tv_sec: bigint;
  tv_usec: bigint;
}

export const TIMEVAL : MessageType<Timeval> = new MessageType('timeval', () => [
  [1, 'tv_sec', 'required', 'uint64'],
  [2, 'tv_usec', 'required', 'uint64'],
]);

export interface SkOptsEntry extends MessageBase {
  so_sndbuf: number;
  so_rcvbuf: number;
  so_snd_tmo_sec: bigint;
  so_snd_tmo_usec: bigint;
  so_rcv_tmo_sec: bigint;
  so_rcv_tmo_usec: bigint;
  reuseaddr?: boolean | undefined;
  so_priority?: number | undefined;
  so_rcvlowat?: number | undefined;
  so_mark?: number | undefined;
  so_passcred?: boolean | undefined;
  so_passsec?: boolean | undefined;
  so_dontroute?: boolean | undefined;
  so_no_check?: boolean | undefined;
  so_bound_dev?: string | undefined;
  so_filter: bigint[];
  so_reuseport?: boolean | undefined;
  so_broadcast?: boolean | undefined;
  so_keepalive?: boolean | undefined;
  tcp_keepcnt?: number | undefined;
  tcp_keepidle?: number | undefined;
  tcp_keepintvl?: number | undefined;
  so_oobinline?: number | undefined;
  so_linger?: number | undefined;
  so_buf_lock?: number | undefined;
}

export const SK_OPTS_ENTRY : MessageType<SkOptsEntry> = new MessageType('sk_opts_entry', () => [
  [1, 'so_sndbuf', 'required', 'uint32'],
  [2, 'so_rcvbuf', 'required', 'uint32'],
  [3, 'so_snd_tmo_sec', 'required', 'uint64'],
  [4, 'so_snd_tmo_usec', 'required', 'uint64'],
  [5, 'so_rcv_tmo_sec', 'required', 'uint64'],
  [6, 'so_rcv_tmo_usec', 'required', 'uint64'],
  [7, 'reuseaddr', 'optional', 'bool'],
  [8, 'so_priority', 'optional', 'uint32'],
  [9, 'so_rcvlowat', 'optional', 'uint32'],
  [10, 'so_mark', 'optional', 'uint32'],
  [11, 'so_passcred', 'optional', 'bool'],
  [12, 'so_passsec', 'optional', 'bool'],
  [13, 'so_dontroute', 'optional', 'bool'],
  [14, 'so_no_check', 'optional', 'bool'],
  [15, 'so_bound_dev', 'optional', 'string'],
  [16, 'so_filter', 'repeated', 'fixed64'],
  [17, 'so_reuseport', 'optional', 'bool'],
  [18, 'so_broadcast', 'optional', 'bool'],
  [19, 'so_keepalive', 'optional', 'bool'],
  [20, 'tcp_keepcnt', 'optional', 'uint32'],
  [21, 'tcp_keepidle', 'optional', 'uint32'],
  [22, 'tcp_keepintvl', 'optional', 'uint32'],
  [23, 'so_oobinline', 'optional', 'uint32'],
  [24, 'so_linger', 'optional', 'uint32'],
  [25, 'so_buf_lock', 'optional', 'uint32'],
]);

export const SK_SHUTDOWN = {
  NONE: 0,
  READ: 1,
  WRITE: 2,
  BOTH: 3,
} as const;
