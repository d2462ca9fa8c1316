// Generated from core/images/schema/namespaces.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export interface UtsnsEntry extends MessageBase {
  nodename: string;
  domainname: string;
}

export const UTSNS_ENTRY : MessageType<UtsnsEntry> = new MessageType('utsns_entry', () => [
  [1, 'nodename', 'required', 'string'],
  [2, 'domainname', 'required', 'string'],
]);

export interface Timespec extends MessageBase {
  tv_sec: bigint;
  tv_nsec: bigint;
}

export const TIMESPEC : MessageType<Timespec> = new MessageType('timespec', () => [
  [1, 'tv_sec', 'required', 'uint64'],
  [2, 'tv_nsec', 'required', 'uint64'],
]);

export interface TimensEntry extends MessageBase {
  monotonic: Timespec;
  boottime: Timespec;
}

export const TIMENS_ENTRY : MessageType<TimensEntry> = new MessageType('timens_entry', () => [
  [1, 'monotonic', 'required', TIMESPEC],
  [2, 'boottime', 'required', TIMESPEC],
]);

export interface UidGidExtent extends MessageBase {
  first: number;
  lower_first: number;
  count: number;
}

export const UID_GID_EXTENT : MessageType<UidGidExtent> = new MessageType('uid_gid_extent', () => [
  [1, 'first', 'required', 'uint32'],
  [2, 'lower_first', 'required', 'uint32'],
  [3, 'count', 'required', 'uint32'],
]);

export interface UsernsEntry extends MessageBase {
  uid_map: UidGidExtent[];
  gid_map: UidGidExtent[];
}

export const USERNS_ENTRY : MessageType<UsernsEntry> = new MessageType('userns_entry', () => [
  [1, 'uid_map', 'repeated', UID_GID_EXTENT],
  [2, 'gid_map', 'repeated', UID_GID_EXTENT],
]);

export interface PidnsEntry extends MessageBase {
  ext_key?: string | undefined;
}

export const PIDNS_ENTRY : MessageType<PidnsEntry> = new MessageType('pidns_entry', () => [
  [1, 'ext_key', 'optional', 'string'],
]);

export interface IpcDescEntry extends MessageBase {
  key: number;
  uid: number;
  gid: number;
  cuid: number;
  cgid: number;
  mode: number;
  id: number;
}

export const IPC_DESC_ENTRY : MessageType<IpcDescEntry> = new MessageType('ipc_desc_entry', () => [
  [1, 'key', 'required', 'uint32'],
  [2, 'uid', 'required', 'uint32'],
  [3, 'gid', 'required', 'uint32'],
  [4, 'cuid', 'required', 'uint32'],
  [5, 'cgid', 'required', 'uint32'],
  [6, 'mode', 'required', 'uint32'],
  [7, 'id', 'required', 'uint32'],
]);

export interface IpcVarEntry extends MessageBase {
  sem_ctls: number[];
  msg_ctlmax: number;
  msg_ctlmnb: number;
  msg_ctlmni: number;
  auto_msgmni: number;
  shm_ctlmax: bigint;
  shm_ctlall: bigint;
  shm_ctlmni: number;
  shm_rmid_forced: number;
  mq_queues_max: number;
  mq_msg_max: number;
  mq_msgsize_max: number;
  mq_msg_default?: number | undefined;
  mq_msgsize_default?: number | undefined;
  msg_next_id?: number | undefined;
  sem_next_id?: number | undefined;
  shm_next_id?: number | undefined;
}

export const IPC_VAR_ENTRY : MessageType<IpcVarEntry> = new MessageType('ipc_var_entry', () => [
  [1, 'sem_ctls', 'repeated', 'uint32'],
  [2, 'msg_ctlmax', 'required', 'uint32'],
  [3, 'msg_ctlmnb', 'required', 'uint32'],
  [4, 'msg_ctlmni', 'required', 'uint32'],
  [5, 'auto_msgmni', 'required', 'uint32'],
  [6, 'shm_ctlmax', 'required', 'uint64'],
  [7, 'shm_ctlall', 'required', 'uint64'],
  [8, 'shm_ctlmni', 'required', 'uint32'],
  [9, 'shm_rmid_forced', 'required', 'uint32'],
  [10, 'mq_queues_max', 'required', 'uint32'],
  [11, 'mq_msg_max', 'required', 'uint32'],
  [12, 'mq_msgsize_max', 'required', 'uint32'],
  [13, 'mq_msg_default', 'optional', 'uint32'],
  [14, 'mq_msgsize_default', 'optional', 'uint32'],
  [15, 'msg_next_id', 'optional', 'uint32'],
  [16, 'sem_next_id', 'optional', 'uint32'],
  [17, 'shm_next_id', 'optional', 'uint32'],
]);

export interface IpcShmEntry extends MessageBase {
  desc: IpcDescEntry;
  size: bigint;
  in_pagemaps?: boolean | undefined;
  hugetlb_flag?: number | undefined;
}

export const IPC_SHM_ENTRY : MessageType<IpcShmEntry> = new MessageType('ipc_shm_entry', () => [
  [1, 'desc', 'required', IPC_DESC_ENTRY],
  [2, 'size', 'required', 'uint64'],
  [3, 'in_pagemaps', 'optional', 'bool'],
  [4, 'hugetlb_flag', 'optional', 'uint32'],
]);

export interface IpcMsg extends MessageBase {
  mtype: bigint;
  msize: number;
}

export const IPC_MSG : MessageType<IpcMsg> = new MessageType('ipc_msg', () => [
  [1, 'mtype', 'required', 'uint64'],
  [2, 'msize', 'required', 'uint32'],
]);

export interface IpcMsgEntry extends MessageBase {
  desc: IpcDescEntry;
  qbytes: number;
  qnum: number;
}

export const IPC_MSG_ENTRY : MessageType<IpcMsgEntry> = new MessageType('ipc_msg_entry', () => [
  [1, 'desc', 'required', IPC_DESC_ENTRY],
  [2, 'qbytes', 'required', 'uint32'],
  [3, 'qnum', 'required', 'uint32'],
]);

export interface IpcSemEntry extends MessageBase {
  desc: IpcDescEntry;
  nsems: number;
}

export const IPC_SEM_ENTRY : MessageType<IpcSemEntry> = new MessageType('ipc_sem_entry', () => [
  [1, 'desc', 'required', IPC_DESC_ENTRY],
  [2, 'nsems', 'required', 'uint32'],
]);
