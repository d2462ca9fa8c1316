// Generated from core/images/schema/tty.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';
import { FOWN_ENTRY, type FownEntry } from './common.js';

export interface WinsizeEntry extends MessageBase {
  ws_row: number;
  ws_col: number;
  ws_xpixel: number;
  ws_ypixel: number;
}

export const WINSIZE_ENTRY : MessageType<WinsizeEntry> = new MessageType('winsize_entry', () => [
  [1, 'ws_row', 'required', 'uint32'],
  [2, 'ws_col', 'required', 'uint32'],
  [3, 'ws_xpixel', 'required', 'uint32'],
  [4, 'ws_ypixel', 'required', 'uint32'],
]);

export interface TermiosEntry extends MessageBase {
  c_iflag: number;
  c_oflag: number;
  c_cflag: number;
  c_lflag: number;
  c_line: number;
  c_ispeed: number;
  c_ospeed: number;
  c_cc: number[];
}

export const TERMIOS_ENTRY : MessageType<TermiosEntry> = new MessageType('termios_entry', () => [
  [1, 'c_iflag', 'required', 'uint32'],
  [2, 'c_oflag', 'required', 'uint32'],
  [3, 'c_cflag', 'required', 'uint32'],
  [4, 'c_lflag', 'required', 'uint32'],
  [5, 'c_line', 'required', 'uint32'],
  [6, 'c_ispeed', 'required', 'uint32'],
  [7, 'c_ospeed', 'required', 'uint32'],
  [8, 'c_cc', 'repeated', 'uint32'],
]);

export interface TtyPtyEntry extends MessageBase {
  index: number;
}

export const TTY_PTY_ENTRY : MessageType<TtyPtyEntry> = new MessageType('tty_pty_entry', () => [
  [1, 'index', 'required', 'uint32'],
]);

export const TTY_TYPE = {
  UNKNOWN: 0,
  PTY: 1,
  CONSOLE: 2,
  VT: 3,
  CTTY: 4,
  EXT_TTY: 5,
  SERIAL: 6,
} as const;

export interface TtyDataEntry extends MessageBase {
  tty_id: number;
  data: Uint8Array;
}

export const TTY_DATA_ENTRY : MessageType<TtyDataEntry> = new MessageType('tty_data_entry', () => [
  [1, 'tty_id', 'required', 'uint32'],
  [2, 'data', 'required', 'bytes'],
]);

export interface TtyInfoEntry extends MessageBase {
  id: number;
  type: number;
  locked: boolean;
  exclusive: boolean;
  packet_mode: boolean;
  sid: number;
  pgrp: number;
  rdev: number;
  termios?: TermiosEntry | undefined;
  termios_locked?: TermiosEntry | undefined;
  winsize?: WinsizeEntry | undefined;
  pty?: TtyPtyEntry | undefined;
  dev?: number | undefined;
  uid?: number | undefined;
  gid?: number | undefined;
}

export const TTY_INFO_ENTRY : MessageType<TtyInfoEntry> = new MessageType('tty_info_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'type', 'required', { enum: 'TtyType', values: TTY_TYPE }],
  [3, 'locked', 'required', 'bool'],
  [4, 'exclusive', 'required', 'bool'],
  [5, 'packet_mode', 'required', 'bool'],
  [6, 'sid', 'required', 'uint32'],
  [7, 'pgrp', 'required', 'uint32'],
  [8, 'rdev', 'required', 'uint32'],
  [9, 'termios', 'optional', TERMIOS_ENTRY],
  [10, 'termios_locked', 'optional', TERMIOS_ENTRY],
  [11, 'winsize', 'optional', WINSIZE_ENTRY],
  [12, 'pty', 'optional', TTY_PTY_ENTRY],
  [13, 'dev', 'optional', 'uint32'],
  [14, 'uid', 'optional', 'uint32'],
  [15, 'gid', 'optional', 'uint32'],
]);

export interface TtyFileEntry extends MessageBase {
  id: number;
  tty_info_id: number;
  flags: number;
  fown: FownEntry;
  regf_id?: number | undefined;
}

export const TTY_FILE_ENTRY : MessageType<TtyFileEntry> = new MessageType('tty_file_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'tty_info_id', 'required', 'uint32'],
  [3, 'flags', 'required', 'uint32'],
  [4, 'fown', 'required', FOWN_ENTRY],
  [6, 'regf_id', 'optional', 'uint32'],
]);
