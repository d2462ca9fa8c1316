// Generated from core/images/schema/files.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';
import { FOWN_ENTRY, TIMEVAL, type FownEntry, type Timeval } from './common.js';

export interface RegFileEntry extends MessageBase {
  id: number;
  flags: number;
  pos: bigint;
  fown: FownEntry;
  name: string;
  mnt_id?: number | undefined;
  size?: bigint | undefined;
  ext?: boolean | undefined;
  mode?: number | undefined;
  build_id: number[];
  checksum?: number | undefined;
  checksum_config?: number | undefined;
  checksum_parameter?: number | undefined;
}

export const REG_FILE_ENTRY : MessageType<RegFileEntry> = new MessageType('reg_file_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'flags', 'required', 'uint32'],
  [3, 'pos', 'required', 'uint64'],
  [5, 'fown', 'required', FOWN_ENTRY],
  [6, 'name', 'required', 'string'],
  [7, 'mnt_id', 'optional', 'sint32'],
  [8, 'size', 'optional', 'uint64'],
  [9, 'ext', 'optional', 'bool'],
  [10, 'mode', 'optional', 'uint32'],
  [11, 'build_id', 'repeated', 'uint32'],
  [12, 'checksum', 'optional', 'uint32'],
  [13, 'checksum_config', 'optional', 'uint32'],
  [14, 'checksum_parameter', 'optional', 'uint32'],
]);

export interface NsFileEntry extends MessageBase {
  id: number;
  ns_id: number;
  ns_cflag: number;
  flags: number;
}

export const NS_FILE_ENTRY : MessageType<NsFileEntry> = new MessageType('ns_file_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'ns_id', 'required', 'uint32'],
  [3, 'ns_cflag', 'required', 'uint32'],
  [4, 'flags', 'required', 'uint32'],
]);

export interface ExtFileEntry extends MessageBase {
  id: number;
  fown: FownEntry;
}

export const EXT_FILE_ENTRY : MessageType<ExtFileEntry> = new MessageType('ext_file_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [5, 'fown', 'required', FOWN_ENTRY],
]);

export interface PipeEntry extends MessageBase {
  id: number;
  pipe_id: number;
  flags: number;
  fown: FownEntry;
}

export const PIPE_ENTRY : MessageType<PipeEntry> = new MessageType('pipe_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'pipe_id', 'required', 'uint32'],
  [3, 'flags', 'required', 'uint32'],
  [4, 'fown', 'required', FOWN_ENTRY],
]);

export interface FifoEntry extends MessageBase {
  id: number;
  pipe_id: number;
  regf_id?: number | undefined;
}

export const FIFO_ENTRY : MessageType<FifoEntry> = new MessageType('fifo_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'pipe_id', 'required', 'uint32'],
  [3, 'regf_id', 'optional', 'uint32'],
]);

export interface PipeDataEntry extends MessageBase {
  pipe_id: number;
  bytes: number;
  size?: number | undefined;
}

export const PIPE_DATA_ENTRY : MessageType<PipeDataEntry> = new MessageType('pipe_data_entry', () => [
  [1, 'pipe_id', 'required', 'uint32'],
  [2, 'bytes', 'required', 'uint32'],
  [3, 'size', 'optional', 'uint32'],
]);

export interface MemfdFileEntry extends MessageBase {
  id: number;
  flags: number;
  pos: bigint;
  fown: FownEntry;
  inode_id: number;
}

export const MEMFD_FILE_ENTRY : MessageType<MemfdFileEntry> = new MessageType('memfd_file_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'flags', 'required', 'uint32'],
  [3, 'pos', 'required', 'uint64'],
  [4, 'fown', 'required', FOWN_ENTRY],
  [5, 'inode_id', 'required', 'uint32'],
]);

export interface MemfdInodeEntry extends MessageBase {
  name: string;
  uid: number;
  gid: number;
  size: bigint;
  shmid: number;
  seals: number;
  inode_id: bigint;
  hugetlb_flag?: number | undefined;
  mode?: number | undefined;
}

export const MEMFD_INODE_ENTRY : MessageType<MemfdInodeEntry> = new MessageType('memfd_inode_entry', () => [
  [1, 'name', 'required', 'string'],
  [2, 'uid', 'required', 'uint32'],
  [3, 'gid', 'required', 'uint32'],
  [4, 'size', 'required', 'uint64'],
  [5, 'shmid', 'required', 'uint32'],
  [6, 'seals', 'required', 'uint32'],
  [7, 'inode_id', 'required', 'uint64'],
  [8, 'hugetlb_flag', 'optional', 'uint32'],
  [9, 'mode', 'optional', 'uint32'],
]);

export interface BpfmapFileEntry extends MessageBase {
  id: number;
  flags: number;
  pos: bigint;
  fown: FownEntry;
  map_type: number;
  key_size: number;
  value_size: number;
  map_id: number;
  max_entries: number;
  map_flags: number;
  memlock: bigint;
  frozen: boolean;
  map_name: string;
  ifindex: number;
  mnt_id?: number | undefined;
  map_extra?: bigint | undefined;
}

export const BPFMAP_FILE_ENTRY : MessageType<BpfmapFileEntry> = new MessageType('bpfmap_file_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'flags', 'required', 'uint32'],
  [3, 'pos', 'required', 'uint64'],
  [4, 'fown', 'required', FOWN_ENTRY],
  [5, 'map_type', 'required', 'uint32'],
  [6, 'key_size', 'required', 'uint32'],
  [7, 'value_size', 'required', 'uint32'],
  [8, 'map_id', 'required', 'uint32'],
  [9, 'max_entries', 'required', 'uint32'],
  [10, 'map_flags', 'required', 'uint32'],
  [11, 'memlock', 'required', 'uint64'],
  [12, 'frozen', 'required', 'bool'],
  [13, 'map_name', 'required', 'string'],
  [14, 'ifindex', 'required', 'uint32'],
  [15, 'mnt_id', 'optional', 'sint32'],
  [16, 'map_extra', 'optional', 'uint64'],
]);

export interface BpfmapDataEntry extends MessageBase {
  map_id: number;
  keys_bytes: number;
  values_bytes: number;
  count: number;
}

export const BPFMAP_DATA_ENTRY : MessageType<BpfmapDataEntry> = new MessageType('bpfmap_data_entry', () => [
  [1, 'map_id', 'required', 'uint32'],
  [2, 'keys_bytes', 'required', 'uint32'],
  [3, 'values_bytes', 'required', 'uint32'],
  [4, 'count', 'required', 'uint32'],
]);

export interface GhostFileEntry extends MessageBase {
  uid: number;
  gid: number;
  mode: number;
  dev?: number | undefined;
  ino?: bigint | undefined;
  rdev?: number | undefined;
  atim?: Timeval | undefined;
  mtim?: Timeval | undefined;
  chunks?: boolean | undefined;
  size?: bigint | undefined;
  symlnk_target?: string | undefined;
}

export const GHOST_FILE_ENTRY : MessageType<GhostFileEntry> = new MessageType('ghost_file_entry', () => [
  [1, 'uid', 'required', 'uint32'],
  [2, 'gid', 'required', 'uint32'],
  [3, 'mode', 'required', 'uint32'],
  [4, 'dev', 'optional', 'uint32'],
  [5, 'ino', 'optional', 'uint64'],
  [6, 'rdev', 'optional', 'uint32'],
  [7, 'atim', 'optional', TIMEVAL],
  [8, 'mtim', 'optional', TIMEVAL],
  [9, 'chunks', 'optional', 'bool'],
  [10, 'size', 'optional', 'uint64'],
  [11, 'symlnk_target', 'optional', 'string'],
]);

export interface GhostChunkEntry extends MessageBase {
  len: bigint;
  off: bigint;
}

export const GHOST_CHUNK_ENTRY : MessageType<GhostChunkEntry> = new MessageType('ghost_chunk_entry', () => [
  [1, 'len', 'required', 'uint64'],
  [2, 'off', 'required', 'uint64'],
]);

export const REMAP_TYPE = {
  LINKED: 0,
  GHOST: 1,
  PROCFS: 2,
} as const;

export interface RemapFilePathEntry extends MessageBase {
  orig_id: number;
  remap_id: number;
  remap_type?: number | undefined;
}

export const REMAP_FILE_PATH_ENTRY : MessageType<RemapFilePathEntry> = new MessageType('remap_file_path_entry', () => [
  [1, 'orig_id', 'required', 'uint32'],
  [2, 'remap_id', 'required', 'uint32'],
  [3, 'remap_type', 'optional', { enum: 'remap_type', values: REMAP_TYPE }],
]);

export interface FileLockEntry extends MessageBase {
  flag: number;
  type: number;
  pid: number;
  fd: number;
  start: bigint;
  len: bigint;
}

export const FILE_LOCK_ENTRY : MessageType<FileLockEntry> = new MessageType('file_lock_entry', () => [
  [1, 'flag', 'required', 'uint32'],
  [2, 'type', 'required', 'uint32'],
  [3, 'pid', 'required', 'int32'],
  [4, 'fd', 'required', 'int32'],
  [5, 'start', 'required', 'int64'],
  [6, 'len', 'required', 'int64'],
]);

export interface PidfdEntry extends MessageBase {
  id: number;
  ino: number;
  flags: number;
  nspid: number;
  fown: FownEntry;
}

export const PIDFD_ENTRY : MessageType<PidfdEntry> = new MessageType('pidfd_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'ino', 'required', 'uint32'],
  [3, 'flags', 'required', 'uint32'],
  [4, 'nspid', 'required', 'int32'],
  [5, 'fown', 'required', FOWN_ENTRY],
]);
