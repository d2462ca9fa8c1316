// Generated from core/images/schema/rpc.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export interface CriuPageServerInfo extends MessageBase {
  address?: string | undefined;
  port?: number | undefined;
  pid?: number | undefined;
  fd?: number | undefined;
}

export const CRIU_PAGE_SERVER_INFO : MessageType<CriuPageServerInfo> = new MessageType('criu_page_server_info', () => [
  [1, 'address', 'optional', 'string'],
  [2, 'port', 'optional', 'int32'],
  [3, 'pid', 'optional', 'int32'],
  [4, 'fd', 'optional', 'int32'],
]);

export interface CriuVethPair extends MessageBase {
  if_in: string;
  if_out: string;
}

export const CRIU_VETH_PAIR : MessageType<CriuVethPair> = new MessageType('criu_veth_pair', () => [
  [1, 'if_in', 'required', 'string'],
  [2, 'if_out', 'required', 'string'],
]);

export interface ExtMountMap extends MessageBase {
  key: string;
  val: string;
}

export const EXT_MOUNT_MAP : MessageType<ExtMountMap> = new MessageType('ext_mount_map', () => [
  [1, 'key', 'required', 'string'],
  [2, 'val', 'required', 'string'],
]);

export interface JoinNamespace extends MessageBase {
  ns: string;
  ns_file: string;
  extra_opt?: string | undefined;
}

export const JOIN_NAMESPACE : MessageType<JoinNamespace> = new MessageType('join_namespace', () => [
  [1, 'ns', 'required', 'string'],
  [2, 'ns_file', 'required', 'string'],
  [3, 'extra_opt', 'optional', 'string'],
]);

export interface InheritFd extends MessageBase {
  key: string;
  fd: number;
}

export const INHERIT_FD : MessageType<InheritFd> = new MessageType('inherit_fd', () => [
  [1, 'key', 'required', 'string'],
  [2, 'fd', 'required', 'int32'],
]);

export interface CgroupRoot extends MessageBase {
  ctrl?: string | undefined;
  path: string;
}

export const CGROUP_ROOT : MessageType<CgroupRoot> = new MessageType('cgroup_root', () => [
  [1, 'ctrl', 'optional', 'string'],
  [2, 'path', 'required', 'string'],
]);

export interface UnixSk extends MessageBase {
  inode: number;
}

export const UNIX_SK : MessageType<UnixSk> = new MessageType('unix_sk', () => [
  [1, 'inode', 'required', 'uint32'],
]);

export const CRIU_CG_MODE = {
  IGNORE: 0,
  CG_NONE: 1,
  PROPS: 2,
  SOFT: 3,
  FULL: 4,
  STRICT: 5,
  DEFAULT: 6,
} as const;

export const CRIU_NETWORK_LOCK_METHOD = {
  IPTABLES: 1,
  NFTABLES: 2,
  SKIP: 3,
} as const;

export const CRIU_PRE_DUMP_MODE = {
  SPLICE: 1,
  VM_READ: 2,
} as const;

export interface CriuOpts extends MessageBase {
  images_dir_fd: number;
  pid?: number | undefined;
  leave_running?: boolean | undefined;
  ext_unix_sk?: boolean | undefined;
  tcp_established?: boolean | undefined;
  evasive_devices?: boolean | undefined;
  shell_job?: boolean | undefined;
  file_locks?: boolean | undefined;
  log_level?: number | undefined;
  log_file?: string | undefined;
  ps?: CriuPageServerInfo | undefined;
  notify_scripts?: boolean | undefined;
  root?: string | undefined;
  parent_img?: string | undefined;
  track_mem?: boolean | undefined;
  auto_dedup?: boolean | undefined;
  work_dir_fd?: number | undefined;
  link_remap?: boolean | undefined;
  veths: CriuVethPair[];
  cpu_cap?: number | undefined;
  force_irmap?: boolean | undefined;
  exec_cmd: string[];
  ext_mnt: ExtMountMap[];
  manage_cgroups?: boolean | undefined;
  cg_root: CgroupRoot[];
  rst_sibling?: boolean | undefined;
  inherit_fd: InheritFd[];
  auto_ext_mnt?: boolean | undefined;
  ext_sharing?: boolean | undefined;
  ext_masters?: boolean | undefined;
  skip_mnt: string[];
  enable_fs: string[];
  unix_sk_ino: UnixSk[];
  manage_cgroups_mode?: number | undefined;
  ghost_limit?: number | undefined;
  irmap_scan_paths: string[];
  external: string[];
  empty_ns?: number | undefined;
  join_ns: JoinNamespace[];
  cgroup_props?: string | undefined;
  cgroup_props_file?: string | undefined;
  cgroup_dump_controller: string[];
  freeze_cgroup?: string | undefined;
  timeout?: number | undefined;
  tcp_skip_in_flight?: boolean | undefined;
  weak_sysctls?: boolean | undefined;
  lazy_pages?: boolean | undefined;
  status_fd?: number | undefined;
  orphan_pts_master?: boolean | undefined;
  config_file?: string | undefined;
  tcp_close?: boolean | undefined;
  lsm_profile?: string | undefined;
  tls_cacert?: string | undefined;
  tls_cacrl?: string | undefined;
  tls_cert?: string | undefined;
  tls_key?: string | undefined;
  tls?: boolean | undefined;
  tls_no_cn_verify?: boolean | undefined;
  cgroup_yard?: string | undefined;
  pre_dump_mode?: number | undefined;
  pidfd_store_sk?: number | undefined;
  lsm_mount_context?: string | undefined;
  network_lock?: number | undefined;
  mntns_compat_mode?: boolean | undefined;
  skip_file_rwx_check?: boolean | undefined;
  unprivileged?: boolean | undefined;
  images_dir?: string | undefined;
  leave_stopped?: boolean | undefined;
  display_stats?: boolean | undefined;
  log_to_stderr?: boolean | undefined;
}

export const CRIU_OPTS : MessageType<CriuOpts> = new MessageType('criu_opts', () => [
  [1, 'images_dir_fd', 'required', 'int32'],
  [2, 'pid', 'optional', 'int32'],
  [3, 'leave_running', 'optional', 'bool'],
  [4, 'ext_unix_sk', 'optional', 'bool'],
  [5, 'tcp_established', 'optional', 'bool'],
  [6, 'evasive_devices', 'optional', 'bool'],
  [7, 'shell_job', 'optional', 'bool'],
  [8, 'file_locks', 'optional', 'bool'],
  [9, 'log_level', 'optional', 'int32'],
  [10, 'log_file', 'optional', 'string'],
  [11, 'ps', 'optional', CRIU_PAGE_SERVER_INFO],
  [12, 'notify_scripts', 'optional', 'bool'],
  [13, 'root', 'optional', 'string'],
  [14, 'parent_img', 'optional', 'string'],
  [15, 'track_mem', 'optional', 'bool'],
  [16, 'auto_dedup', 'optional', 'bool'],
  [17, 'work_dir_fd', 'optional', 'int32'],
  [18, 'link_remap', 'optional', 'bool'],
  [19, 'veths', 'repeated', CRIU_VETH_PAIR],
  [20, 'cpu_cap', 'optional', 'uint32'],
  [21, 'force_irmap', 'optional', 'bool'],
  [22, 'exec_cmd', 'repeated', 'string'],
  [23, 'ext_mnt', 'repeated', EXT_MOUNT_MAP],
  [24, 'manage_cgroups', 'optional', 'bool'],
  [25, 'cg_root', 'repeated', CGROUP_ROOT],
  [26, 'rst_sibling', 'optional', 'bool'],
  [27, 'inherit_fd', 'repeated', INHERIT_FD],
  [28, 'auto_ext_mnt', 'optional', 'bool'],
  [29, 'ext_sharing', 'optional', 'bool'],
  [30, 'ext_masters', 'optional', 'bool'],
  [31, 'skip_mnt', 'repeated', 'string'],
  [32, 'enable_fs', 'repeated', 'string'],
  [33, 'unix_sk_ino', 'repeated', UNIX_SK],
  [34, 'manage_cgroups_mode', 'optional', { enum: 'criu_cg_mode', values: CRIU_CG_MODE }],
  [35, 'ghost_limit', 'optional', 'uint32'],
  [36, 'irmap_scan_paths', 'repeated', 'string'],
  [37, 'external', 'repeated', 'string'],
  [38, 'empty_ns', 'optional', 'uint32'],
  [39, 'join_ns', 'repeated', JOIN_NAMESPACE],
  [41, 'cgroup_props', 'optional', 'string'],
  [42, 'cgroup_props_file', 'optional', 'string'],
  [43, 'cgroup_dump_controller', 'repeated', 'string'],
  [44, 'freeze_cgroup', 'optional', 'string'],
  [45, 'timeout', 'optional', 'uint32'],
  [46, 'tcp_skip_in_flight', 'optional', 'bool'],
  [47, 'weak_sysctls', 'optional', 'bool'],
  [48, 'lazy_pages', 'optional', 'bool'],
  [49, 'status_fd', 'optional', 'int32'],
  [50, 'orphan_pts_master', 'optional', 'bool'],
  [51, 'config_file', 'optional', 'string'],
  [52, 'tcp_close', 'optional', 'bool'],
  [53, 'lsm_profile', 'optional', 'string'],
  [54, 'tls_cacert', 'optional', 'string'],
  [55, 'tls_cacrl', 'optional', 'string'],
  [56, 'tls_cert', 'optional', 'string'],
  [57, 'tls_key', 'optional', 'string'],
  [58, 'tls', 'optional', 'bool'],
  [59, 'tls_no_cn_verify', 'optional', 'bool'],
  [60, 'cgroup_yard', 'optional', 'string'],
  [61, 'pre_dump_mode', 'optional', { enum: 'criu_pre_dump_mode', values: CRIU_PRE_DUMP_MODE }],
  [62, 'pidfd_store_sk', 'optional', 'int32'],
  [63, 'lsm_mount_context', 'optional', 'string'],
  [64, 'network_lock', 'optional', { enum: 'criu_network_lock_method', values: CRIU_NETWORK_LOCK_METHOD }],
  [65, 'mntns_compat_mode', 'optional', 'bool'],
  [66, 'skip_file_rwx_check', 'optional', 'bool'],
  [67, 'unprivileged', 'optional', 'bool'],
  [68, 'images_dir', 'optional', 'string'],
  [69, 'leave_stopped', 'optional', 'bool'],
  [70, 'display_stats', 'optional', 'bool'],
  [71, 'log_to_stderr', 'optional', 'bool'],
]);

export interface CriuDumpResp extends MessageBase {
  restored?: boolean | undefined;
}

export const CRIU_DUMP_RESP : MessageType<CriuDumpResp> = new MessageType('criu_dump_resp', () => [
  [1, 'restored', 'optional', 'bool'],
]);

export interface CriuRestoreResp extends MessageBase {
  pid: number;
}

export const CRIU_RESTORE_RESP : MessageType<CriuRestoreResp> = new MessageType('criu_restore_resp', () => [
  [1, 'pid', 'required', 'int32'],
]);

export interface CriuNotify extends MessageBase {
  script?: string | undefined;
  pid?: number | undefined;
}

export const CRIU_NOTIFY : MessageType<CriuNotify> = new MessageType('criu_notify', () => [
  [1, 'script', 'optional', 'string'],
  [2, 'pid', 'optional', 'int32'],
]);

export const CRIU_REQ_TYPE = {
  EMPTY: 0,
  DUMP: 1,
  RESTORE: 2,
  CHECK: 3,
  PRE_DUMP: 4,
  PAGE_SERVER: 5,
  NOTIFY: 6,
  CPUINFO_DUMP: 7,
  CPUINFO_CHECK: 8,
  FEATURE_CHECK: 9,
  VERSION: 10,
  WAIT_PID: 11,
  PAGE_SERVER_CHLD: 12,
  SINGLE_PRE_DUMP: 13,
} as const;

export interface CriuFeatures extends MessageBase {
  mem_track?: boolean | undefined;
  lazy_pages?: boolean | undefined;
  pidfd_store?: boolean | undefined;
}

export const CRIU_FEATURES : MessageType<CriuFeatures> = new MessageType('criu_features', () => [
  [1, 'mem_track', 'optional', 'bool'],
  [2, 'lazy_pages', 'optional', 'bool'],
  [3, 'pidfd_store', 'optional', 'bool'],
]);

export interface CriuReq extends MessageBase {
  type: number;
  opts?: CriuOpts | undefined;
  notify_success?: boolean | undefined;
  keep_open?: boolean | undefined;
  features?: CriuFeatures | undefined;
  pid?: number | undefined;
}

export const CRIU_REQ : MessageType<CriuReq> = new MessageType('criu_req', () => [
  [1, 'type', 'required', { enum: 'criu_req_type', values: CRIU_REQ_TYPE }],
  [2, 'opts', 'optional', CRIU_OPTS],
  [3, 'notify_success', 'optional', 'bool'],
  [4, 'keep_open', 'optional', 'bool'],
  [5, 'features', 'optional', CRIU_FEATURES],
  [6, 'pid', 'optional', 'uint32'],
]);

export interface CriuResp extends MessageBase {
  type: number;
  success: boolean;
  dump?: CriuDumpResp | undefined;
  restore?: CriuRestoreResp | undefined;
  notify?: CriuNotify | undefined;
  ps?: CriuPageServerInfo | undefined;
  cr_errno?: number | undefined;
  features?: CriuFeatures | undefined;
  cr_errmsg?: string | undefined;
  version?: CriuVersion | undefined;
  status?: number | undefined;
}

export const CRIU_RESP : MessageType<CriuResp> = new MessageType('criu_resp', () => [
  [1, 'type', 'required', { enum: 'criu_req_type', values: CRIU_REQ_TYPE }],
  [2, 'success', 'required', 'bool'],
  [3, 'dump', 'optional', CRIU_DUMP_RESP],
  [4, 'restore', 'optional', CRIU_RESTORE_RESP],
  [5, 'notify', 'optional', CRIU_NOTIFY],
  [6, 'ps', 'optional', CRIU_PAGE_SERVER_INFO],
  [7, 'cr_errno', 'optional', 'int32'],
  [8, 'features', 'optional', CRIU_FEATURES],
  [9, 'cr_errmsg', 'optional', 'string'],
  [10, 'version', 'optional', CRIU_VERSION],
  [11, 'status', 'optional', 'int32'],
]);

export interface CriuVersion extends MessageBase {
  major_number: number;
  minor_number: number;
  gitid?: string | undefined;
  sublevel?: number | undefined;
  extra?: number | undefined;
  name?: string | undefined;
}

export const CRIU_VERSION : MessageType<CriuVersion> = new MessageType('criu_version', () => [
  [1, 'major_number', 'required', 'int32'],
  [2, 'minor_number', 'required', 'int32'],
  [3, 'gitid', 'optional', 'string'],
  [4, 'sublevel', 'optional', 'int32'],
  [5, 'extra', 'optional', 'int32'],
  [6, 'name', 'optional', 'string'],
]);
