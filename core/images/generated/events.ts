// Generated from core/images/schema/events.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';
import { FH_ENTRY, FOWN_ENTRY, type FhEntry, type FownEntry } from './common.js';

export interface EventfdFileEntry extends MessageBase {
  id: number;
  flags: number;
  fown: FownEntry;
  counter: bigint;
}

export const EVENTFD_FILE_ENTRY : MessageType<EventfdFileEntry> = new MessageType('eventfd_file_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'flags', 'required', 'uint32'],
  [3, 'fown', 'required', FOWN_ENTRY],
  [4, 'counter', 'required', 'uint64'],
]);

export interface EventpollTfdEntry extends MessageBase {
  id: number;
  tfd: number;
  events: number;
  data: bigint;
  dev?: number | undefined;
  inode?: bigint | undefined;
  pos?: bigint | undefined;
}

export const EVENTPOLL_TFD_ENTRY : MessageType<EventpollTfdEntry> = new MessageType('eventpoll_tfd_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'tfd', 'required', 'uint32'],
  [3, 'events', 'required', 'uint32'],
  [4, 'data', 'required', 'uint64'],
  [5, 'dev', 'optional', 'uint32'],
  [6, 'inode', 'optional', 'uint64'],
  [7, 'pos', 'optional', 'uint64'],
]);

export interface EventpollFileEntry extends MessageBase {
  id: number;
  flags: number;
  fown: FownEntry;
  tfd: EventpollTfdEntry[];
}

export const EVENTPOLL_FILE_ENTRY : MessageType<EventpollFileEntry> = new MessageType('eventpoll_file_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'flags', 'required', 'uint32'],
  [3, 'fown', 'required', FOWN_ENTRY],
  [4, 'tfd', 'repeated', EVENTPOLL_TFD_ENTRY],
]);

export interface SignalfdEntry extends MessageBase {
  id: number;
  flags: number;
  fown: FownEntry;
  sigmask: bigint;
}

export const SIGNALFD_ENTRY : MessageType<SignalfdEntry> = new MessageType('signalfd_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'flags', 'required', 'uint32'],
  [3, 'fown', 'required', FOWN_ENTRY],
  [4, 'sigmask', 'required', 'uint64'],
]);

export interface TimerfdEntry extends MessageBase {
  id: number;
  flags: number;
  fown: FownEntry;
  clockid: number;
  ticks: bigint;
  settime_flags: number;
  vsec: bigint;
  vnsec: bigint;
  isec: bigint;
  insec: bigint;
}

export const TIMERFD_ENTRY : MessageType<TimerfdEntry> = new MessageType('timerfd_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'flags', 'required', 'uint32'],
  [3, 'fown', 'required', FOWN_ENTRY],
  [4, 'clockid', 'required', 'uint32'],
  [5, 'ticks', 'required', 'uint64'],
  [6, 'settime_flags', 'required', 'uint32'],
  [7, 'vsec', 'required', 'uint64'],
  [8, 'vnsec', 'required', 'uint64'],
  [9, 'isec', 'required', 'uint64'],
  [10, 'insec', 'required', 'uint64'],
]);

export interface InotifyWdEntry extends MessageBase {
  id: number;
  i_ino: bigint;
  mask: number;
  ignored_mask: number;
  s_dev: number;
  wd: number;
  f_handle: FhEntry;
}

export const INOTIFY_WD_ENTRY : MessageType<InotifyWdEntry> = new MessageType('inotify_wd_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'i_ino', 'required', 'uint64'],
  [3, 'mask', 'required', 'uint32'],
  [4, 'ignored_mask', 'required', 'uint32'],
  [5, 's_dev', 'required', 'uint32'],
  [6, 'wd', 'required', 'uint32'],
  [7, 'f_handle', 'required', FH_ENTRY],
]);

export interface InotifyFileEntry extends MessageBase {
  id: number;
  flags: number;
  fown: FownEntry;
  wd: InotifyWdEntry[];
}

export const INOTIFY_FILE_ENTRY : MessageType<InotifyFileEntry> = new MessageType('inotify_file_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'flags', 'required', 'uint32'],
  [4, 'fown', 'required', FOWN_ENTRY],
  [5, 'wd', 'repeated', INOTIFY_WD_ENTRY],
]);

export const MARK_TYPE = {
  INODE: 1,
  MOUNT: 2,
} as const;

export interface FanotifyInodeMarkEntry extends MessageBase {
  i_ino: bigint;
  f_handle: FhEntry;
}

export const FANOTIFY_INODE_MARK_ENTRY : MessageType<FanotifyInodeMarkEntry> = new MessageType('fanotify_inode_mark_entry', () => [
  [1, 'i_ino', 'required', 'uint64'],
  [2, 'f_handle', 'required', FH_ENTRY],
]);

export interface FanotifyMountMarkEntry extends MessageBase {
  mnt_id: number;
  path?: string | undefined;
}

export const FANOTIFY_MOUNT_MARK_ENTRY : MessageType<FanotifyMountMarkEntry> = new MessageType('fanotify_mount_mark_entry', () => [
  [1, 'mnt_id', 'required', 'uint32'],
  [2, 'path', 'optional', 'string'],
]);

export interface FanotifyMarkEntry extends MessageBase {
  id: number;
  type: number;
  mflags: number;
  mask: number;
  ignored_mask: number;
  s_dev: number;
  ie?: FanotifyInodeMarkEntry | undefined;
  me?: FanotifyMountMarkEntry | undefined;
}

export const FANOTIFY_MARK_ENTRY : MessageType<FanotifyMarkEntry> = new MessageType('fanotify_mark_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'type', 'required', { enum: 'mark_type', values: MARK_TYPE }],
  [3, 'mflags', 'required', 'uint32'],
  [4, 'mask', 'required', 'uint32'],
  [5, 'ignored_mask', 'required', 'uint32'],
  [6, 's_dev', 'required', 'uint32'],
  [7, 'ie', 'optional', FANOTIFY_INODE_MARK_ENTRY],
  [8, 'me', 'optional', FANOTIFY_MOUNT_MARK_ENTRY],
]);

export interface FanotifyFileEntry extends MessageBase {
  id: number;
  flags: number;
  fown: FownEntry;
  faflags: number;
  evflags: number;
  mark: FanotifyMarkEntry[];
}

export const FANOTIFY_FILE_ENTRY : MessageType<FanotifyFileEntry> = new MessageType('fanotify_file_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'flags', 'required', 'uint32'],
  [3, 'fown', 'required', FOWN_ENTRY],
  [4, 'faflags', 'required', 'uint32'],
  [5, 'evflags', 'required', 'uint32'],
  [6, 'mark', 'repeated', FANOTIFY_MARK_ENTRY],
]);
