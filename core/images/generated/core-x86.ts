// Generated from core/images/schema/core-x86.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export const USER_X86_REGS_MODE = {
  NATIVE: 1,
  COMPAT: 2,
} as const;

export interface UserX86RegsEntry extends MessageBase {
  r15: bigint;
  r14: bigint;
  r13: bigint;
  r12: bigint;
  bp: bigint;
  bx: bigint;
  r11: bigint;
  r10: bigint;
  r9: bigint;
  r8: bigint;
  ax: bigint;
  cx: bigint;
  dx: bigint;
  si: bigint;
  di: bigint;
  orig_ax: bigint;
  ip: bigint;
  cs: bigint;
  flags: bigint;
  sp: bigint;
  ss: bigint;
  fs_base: bigint;
  gs_base: bigint;
  ds: bigint;
  es: bigint;
  fs: bigint;
  gs: bigint;
  mode?: number | undefined;
}

export const USER_X86_REGS_ENTRY : MessageType<UserX86RegsEntry> = new MessageType('user_x86_regs_entry', () => [
  [1, 'r15', 'required', 'uint64'],
  [2, 'r14', 'required', 'uint64'],
  [3, 'r13', 'required', 'uint64'],
  [4, 'r12', 'required', 'uint64'],
  [5, 'bp', 'required', 'uint64'],
  [6, 'bx', 'required', 'uint64'],
  [7, 'r11', 'required', 'uint64'],
  [8, 'r10', 'required', 'uint64'],
  [9, 'r9', 'required', 'uint64'],
  [10, 'r8', 'required', 'uint64'],
  [11, 'ax', 'required', 'uint64'],
  [12, 'cx', 'required', 'uint64'],
  [13, 'dx', 'required', 'uint64'],
  [14, 'si', 'required', 'uint64'],
  [15, 'di', 'required', 'uint64'],
  [16, 'orig_ax', 'required', 'uint64'],
  [17, 'ip', 'required', 'uint64'],
  [18, 'cs', 'required', 'uint64'],
  [19, 'flags', 'required', 'uint64'],
  [20, 'sp', 'required', 'uint64'],
  [21, 'ss', 'required', 'uint64'],
  [22, 'fs_base', 'required', 'uint64'],
  [23, 'gs_base', 'required', 'uint64'],
  [24, 'ds', 'required', 'uint64'],
  [25, 'es', 'required', 'uint64'],
  [26, 'fs', 'required', 'uint64'],
  [27, 'gs', 'required', 'uint64'],
  [28, 'mode', 'optional', { enum: 'user_x86_regs_mode', values: USER_X86_REGS_MODE }],
]);

export interface UserX86CetEntry extends MessageBase {
  cet: bigint;
  ssp: bigint;
}

export const USER_X86_CET_ENTRY : MessageType<UserX86CetEntry> = new MessageType('user_x86_cet_entry', () => [
  [1, 'cet', 'required', 'uint64'],
  [2, 'ssp', 'required', 'uint64'],
]);

export interface UserX86XsaveEntry extends MessageBase {
  xstate_bv: bigint;
  ymmh_space: number[] | Uint32Array;
  bndreg_state: bigint[] | BigUint64Array;
  bndcsr_state: bigint[] | BigUint64Array;
  opmask_reg: bigint[] | BigUint64Array;
  zmm_upper: bigint[] | BigUint64Array;
  hi16_zmm: bigint[] | BigUint64Array;
  pkru: number[] | Uint32Array;
  cet?: UserX86CetEntry | undefined;
}

export const USER_X86_XSAVE_ENTRY : MessageType<UserX86XsaveEntry> = new MessageType('user_x86_xsave_entry', () => [
  [1, 'xstate_bv', 'required', 'uint64'],
  [2, 'ymmh_space', 'repeated', 'uint32'],
  [3, 'bndreg_state', 'repeated', 'uint64'],
  [4, 'bndcsr_state', 'repeated', 'uint64'],
  [5, 'opmask_reg', 'repeated', 'uint64'],
  [6, 'zmm_upper', 'repeated', 'uint64'],
  [7, 'hi16_zmm', 'repeated', 'uint64'],
  [8, 'pkru', 'repeated', 'uint32'],
  [9, 'cet', 'optional', USER_X86_CET_ENTRY],
]);

export interface UserX86FpregsEntry extends MessageBase {
  cwd: number;
  swd: number;
  twd: number;
  fop: number;
  rip: bigint;
  rdp: bigint;
  mxcsr: number;
  mxcsr_mask: number;
  st_space: number[] | Uint32Array;
  xmm_space: number[] | Uint32Array;
  padding: number[] | Uint32Array;
  xsave?: UserX86XsaveEntry | undefined;
}

export const USER_X86_FPREGS_ENTRY : MessageType<UserX86FpregsEntry> = new MessageType('user_x86_fpregs_entry', () => [
  [1, 'cwd', 'required', 'uint32'],
  [2, 'swd', 'required', 'uint32'],
  [3, 'twd', 'required', 'uint32'],
  [4, 'fop', 'required', 'uint32'],
  [5, 'rip', 'required', 'uint64'],
  [6, 'rdp', 'required', 'uint64'],
  [7, 'mxcsr', 'required', 'uint32'],
  [8, 'mxcsr_mask', 'required', 'uint32'],
  [9, 'st_space', 'repeated', 'uint32'],
  [10, 'xmm_space', 'repeated', 'uint32'],
  [11, 'padding', 'repeated', 'uint32'],
  [13, 'xsave', 'optional', USER_X86_XSAVE_ENTRY],
]);

export interface UserDescT extends MessageBase {
  entry_number: number;
  base_addr: number;
  limit: number;
  seg_32bit: boolean;
  contents_h: boolean;
  contents_l: boolean;
  read_exec_only: boolean;
  limit_in_pages: boolean;
  seg_not_present: boolean;
  usable: boolean;
}

export const USER_DESC_T : MessageType<UserDescT> = new MessageType('user_desc_t', () => [
  [1, 'entry_number', 'required', 'uint32'],
  [2, 'base_addr', 'required', 'uint32'],
  [3, 'limit', 'required', 'uint32'],
  [4, 'seg_32bit', 'required', 'bool'],
  [5, 'contents_h', 'required', 'bool'],
  [6, 'contents_l', 'required', 'bool'],
  [7, 'read_exec_only', 'required', 'bool'],
  [8, 'limit_in_pages', 'required', 'bool'],
  [9, 'seg_not_present', 'required', 'bool'],
  [10, 'usable', 'required', 'bool'],
]);

export interface ThreadInfoX86 extends MessageBase {
  clear_tid_addr: bigint;
  gpregs: UserX86RegsEntry;
  fpregs: UserX86FpregsEntry;
  tls: UserDescT[];
}

export const THREAD_INFO_X86 : MessageType<ThreadInfoX86> = new MessageType('thread_info_x86', () => [
  [1, 'clear_tid_addr', 'required', 'uint64'],
  [2, 'gpregs', 'required', USER_X86_REGS_ENTRY],
  [3, 'fpregs', 'required', USER_X86_FPREGS_ENTRY],
  [4, 'tls', 'repeated', USER_DESC_T],
]);
