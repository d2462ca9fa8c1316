// Generated from core/images/schema/mounts.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export const FSTYPE = {
  UNSUPPORTED: 0,
  PROC: 1,
  SYSFS: 2,
  DEVTMPFS: 3,
  BINFMT_MISC: 4,
  TMPFS: 5,
  DEVPTS: 6,
  SIMFS: 7,
  PSTORE: 8,
  SECURITYFS: 9,
  FUSECTL: 10,
  DEBUGFS: 11,
  CGROUP: 12,
  AUFS: 13,
  MQUEUE: 14,
  FUSE: 15,
  AUTO: 16,
  OVERLAYFS: 17,
  AUTOFS: 18,
  TRACEFS: 19,
  CGROUP2: 23,
} as const;

export interface MntEntry extends MessageBase {
  fstype: number;
  mnt_id: number;
  root_dev: number;
  parent_mnt_id: number;
  flags: number;
  root: string;
  mountpoint: string;
  source: string;
  options: string;
  shared_id?: number | undefined;
  master_id?: number | undefined;
  with_plugin?: boolean | undefined;
  ext_mount?: boolean | undefined;
  fsname?: string | undefined;
  internal_sharing?: boolean | undefined;
  deleted?: boolean | undefined;
  sb_flags?: number | undefined;
  ext_key?: string | undefined;
}

export const MNT_ENTRY : MessageType<MntEntry> = new MessageType('mnt_entry', () => [
  [1, 'fstype', 'required', 'uint32'],
  [2, 'mnt_id', 'required', 'uint32'],
  [3, 'root_dev', 'required', 'uint32'],
  [4, 'parent_mnt_id', 'required', 'uint32'],
  [5, 'flags', 'required', 'uint32'],
  [6, 'root', 'required', 'string'],
  [7, 'mountpoint', 'required', 'string'],
  [8, 'source', 'required', 'string'],
  [9, 'options', 'required', 'string'],
  [10, 'shared_id', 'optional', 'uint32'],
  [11, 'master_id', 'optional', 'uint32'],
  [12, 'with_plugin', 'optional', 'bool'],
  [13, 'ext_mount', 'optional', 'bool'],
  [14, 'fsname', 'optional', 'string'],
  [15, 'internal_sharing', 'optional', 'bool'],
  [16, 'deleted', 'optional', 'bool'],
  [17, 'sb_flags', 'optional', 'uint32'],
  [18, 'ext_key', 'optional', 'string'],
]);

export interface AutofsEntry extends MessageBase {
  fd: number;
  pgrp: number;
  timeout: number;
  minproto: number;
  maxproto: number;
  mode: number;
  uid?: number | undefined;
  gid?: number | undefined;
  read_fd?: number | undefined;
}

export const AUTOFS_ENTRY : MessageType<AutofsEntry> = new MessageType('autofs_entry', () => [
  [1, 'fd', 'required', 'int32'],
  [2, 'pgrp', 'required', 'int32'],
  [3, 'timeout', 'required', 'int32'],
  [4, 'minproto', 'required', 'int32'],
  [5, 'maxproto', 'required', 'int32'],
  [6, 'mode', 'required', 'int32'],
  [7, 'uid', 'optional', 'int32'],
  [8, 'gid', 'optional', 'int32'],
  [9, 'read_fd', 'optional', 'int32'],
]);

export interface BinfmtMiscEntry extends MessageBase {
  name: string;
  enabled: boolean;
  interpreter: string;
  flags?: string | undefined;
  extension?: string | undefined;
  magic?: string | undefined;
  mask?: string | undefined;
  offset?: number | undefined;
}

export const BINFMT_MISC_ENTRY : MessageType<BinfmtMiscEntry> = new MessageType('binfmt_misc_entry', () => [
  [1, 'name', 'required', 'string'],
  [2, 'enabled', 'required', 'bool'],
  [3, 'interpreter', 'required', 'string'],
  [4, 'flags', 'optional', 'string'],
  [5, 'extension', 'optional', 'string'],
  [6, 'magic', 'optional', 'string'],
  [7, 'mask', 'optional', 'string'],
  [8, 'offset', 'optional', 'int32'],
]);
