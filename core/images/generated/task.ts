// Generated from core/images/schema/task.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export interface PstreeEntry extends MessageBase {
  pid: number;
  ppid: number;
  pgid: number;
  sid: number;
  threads: number[];
}

export const PSTREE_ENTRY : MessageType<PstreeEntry> = new MessageType('pstree_entry', () => [
  [1, 'pid', 'required', 'uint32'],
  [2, 'ppid', 'required', 'uint32'],
  [3, 'pgid', 'required', 'uint32'],
  [4, 'sid', 'required', 'uint32'],
  [5, 'threads', 'repeated', 'uint32'],
]);

export interface TaskKobjIdsEntry extends MessageBase {
  vm_id: number;
  files_id: number;
  fs_id: number;
  sighand_id: number;
  pid_ns_id?: number | undefined;
  net_ns_id?: number | undefined;
  ipc_ns_id?: number | undefined;
  uts_ns_id?: number | undefined;
  mnt_ns_id?: number | undefined;
  user_ns_id?: number | undefined;
  cgroup_ns_id?: number | undefined;
  time_ns_id?: number | undefined;
}

export const TASK_KOBJ_IDS_ENTRY : MessageType<TaskKobjIdsEntry> = new MessageType('task_kobj_ids_entry', () => [
  [1, 'vm_id', 'required', 'uint32'],
  [2, 'files_id', 'required', 'uint32'],
  [3, 'fs_id', 'required', 'uint32'],
  [4, 'sighand_id', 'required', 'uint32'],
  [5, 'pid_ns_id', 'optional', 'uint32'],
  [6, 'net_ns_id', 'optional', 'uint32'],
  [7, 'ipc_ns_id', 'optional', 'uint32'],
  [8, 'uts_ns_id', 'optional', 'uint32'],
  [9, 'mnt_ns_id', 'optional', 'uint32'],
  [10, 'user_ns_id', 'optional', 'uint32'],
  [11, 'cgroup_ns_id', 'optional', 'uint32'],
  [12, 'time_ns_id', 'optional', 'uint32'],
]);

export interface FsEntry extends MessageBase {
  cwd_id: number;
  root_id: number;
  umask?: number | undefined;
}

export const FS_ENTRY : MessageType<FsEntry> = new MessageType('fs_entry', () => [
  [1, 'cwd_id', 'required', 'uint32'],
  [2, 'root_id', 'required', 'uint32'],
  [3, 'umask', 'optional', 'uint32'],
]);
