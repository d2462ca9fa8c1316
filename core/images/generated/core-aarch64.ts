// Generated from core/images/schema/core-aarch64.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export interface UserAarch64RegsEntry extends MessageBase {
  regs: bigint[];
  sp: bigint;
  pc: bigint;
  pstate: bigint;
}

export const USER_AARCH64_REGS_ENTRY : MessageType<UserAarch64RegsEntry> = new MessageType('user_aarch64_regs_entry', () => [
  [1, 'regs', 'repeated', 'uint64'],
  [2, 'sp', 'required', 'uint64'],
  [3, 'pc', 'required', 'uint64'],
  [4, 'pstate', 'required', 'uint64'],
]);

export interface UserAarch64FpsimdContextEntry extends MessageBase {
  vregs: bigint[];
  fpsr: number;
  fpcr: number;
}

export const USER_AARCH64_FPSIMD_CONTEXT_ENTRY : MessageType<UserAarch64FpsimdContextEntry> = new MessageType('user_aarch64_fpsimd_context_entry', () => [
  [1, 'vregs', 'repeated', 'uint64'],
  [2, 'fpsr', 'required', 'uint32'],
  [3, 'fpcr', 'required', 'uint32'],
]);

export interface PacAddressKeys extends MessageBase {
  apiakey_lo: bigint;
  apiakey_hi: bigint;
  apibkey_lo: bigint;
  apibkey_hi: bigint;
  apdakey_lo: bigint;
  apdakey_hi: bigint;
  apdbkey_lo: bigint;
  apdbkey_hi: bigint;
  pac_enabled_key: bigint;
}

export const PAC_ADDRESS_KEYS : MessageType<PacAddressKeys> = new MessageType('pac_address_keys', () => [
  [1, 'apiakey_lo', 'required', 'uint64'],
  [2, 'apiakey_hi', 'required', 'uint64'],
  [3, 'apibkey_lo', 'required', 'uint64'],
  [4, 'apibkey_hi', 'required', 'uint64'],
  [5, 'apdakey_lo', 'required', 'uint64'],
  [6, 'apdakey_hi', 'required', 'uint64'],
  [7, 'apdbkey_lo', 'required', 'uint64'],
  [8, 'apdbkey_hi', 'required', 'uint64'],
  [9, 'pac_enabled_key', 'required', 'uint64'],
]);

export interface PacGenericKeys extends MessageBase {
  apgakey_lo: bigint;
  apgakey_hi: bigint;
}

export const PAC_GENERIC_KEYS : MessageType<PacGenericKeys> = new MessageType('pac_generic_keys', () => [
  [1, 'apgakey_lo', 'required', 'uint64'],
  [2, 'apgakey_hi', 'required', 'uint64'],
]);

export interface PacKeys extends MessageBase {
  pac_address_keys?: PacAddressKeys | undefined;
  pac_generic_keys?: PacGenericKeys | undefined;
}

export const PAC_KEYS : MessageType<PacKeys> = new MessageType('pac_keys', () => [
  [6, 'pac_address_keys', 'optional', PAC_ADDRESS_KEYS],
  [7, 'pac_generic_keys', 'optional', PAC_GENERIC_KEYS],
]);

export interface ThreadInfoAarch64 extends MessageBase {
  clear_tid_addr: bigint;
  tls: bigint;
  gpregs: UserAarch64RegsEntry;
  fpsimd: UserAarch64FpsimdContextEntry;
  pac_keys?: PacKeys | undefined;
}

export const THREAD_INFO_AARCH64 : MessageType<ThreadInfoAarch64> = new MessageType('thread_info_aarch64', () => [
  [1, 'clear_tid_addr', 'required', 'uint64'],
  [2, 'tls', 'required', 'uint64'],
  [3, 'gpregs', 'required', USER_AARCH64_REGS_ENTRY],
  [4, 'fpsimd', 'required', USER_AARCH64_FPSIMD_CONTEXT_ENTRY],
  [5, 'pac_keys', 'optional', PAC_KEYS],
]);
