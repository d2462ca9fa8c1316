// Generated from core/images/schema/cpuinfo.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export const CPUINFO_X86_ENTRY_VENDOR = {
  UNKNOWN: 0,
  INTEL: 1,
  AMD: 2,
} as const;

export interface CpuinfoX86Entry extends MessageBase {
  vendor_id: number;
  cpu_family: number;
  model: number;
  stepping: number;
  capability_ver: number;
  capability: number[];
  model_id?: string | undefined;
  xfeatures_mask?: bigint | undefined;
  xsave_size?: number | undefined;
  xsave_size_max?: number | undefined;
}

export const CPUINFO_X86_ENTRY : MessageType<CpuinfoX86Entry> = new MessageType('cpuinfo_x86_entry', () => [
  [1, 'vendor_id', 'required', { enum: 'cpuinfo_x86_entry_vendor', values: CPUINFO_X86_ENTRY_VENDOR }],
  [2, 'cpu_family', 'required', 'uint32'],
  [3, 'model', 'required', 'uint32'],
  [4, 'stepping', 'required', 'uint32'],
  [5, 'capability_ver', 'required', 'uint32'],
  [6, 'capability', 'repeated', 'uint32'],
  [7, 'model_id', 'optional', 'string'],
  [8, 'xfeatures_mask', 'optional', 'uint64'],
  [9, 'xsave_size', 'optional', 'uint32'],
  [10, 'xsave_size_max', 'optional', 'uint32'],
]);

export const CPUINFO_PPC64_ENTRY_ENDIANNESS = {
  BIGENDIAN: 0,
  LITTLEENDIAN: 1,
} as const;

export interface CpuinfoPpc64Entry extends MessageBase {
  endian: number;
  hwcap: bigint[];
}

export const CPUINFO_PPC64_ENTRY : MessageType<CpuinfoPpc64Entry> = new MessageType('cpuinfo_ppc64_entry', () => [
  [1, 'endian', 'required', { enum: 'cpuinfo_ppc64_entry_endianness', values: CPUINFO_PPC64_ENTRY_ENDIANNESS }],
  [2, 'hwcap', 'repeated', 'uint64'],
]);

export interface CpuinfoS390Entry extends MessageBase {
  hwcap: bigint[];
}

export const CPUINFO_S390_ENTRY : MessageType<CpuinfoS390Entry> = new MessageType('cpuinfo_s390_entry', () => [
  [2, 'hwcap', 'repeated', 'uint64'],
]);

export interface CpuinfoEntry extends MessageBase {
  x86_entry: CpuinfoX86Entry[];
  ppc64_entry: CpuinfoPpc64Entry[];
  s390_entry: CpuinfoS390Entry[];
}

export const CPUINFO_ENTRY : MessageType<CpuinfoEntry> = new MessageType('cpuinfo_entry', () => [
  [1, 'x86_entry', 'repeated', CPUINFO_X86_ENTRY],
  [2, 'ppc64_entry', 'repeated', CPUINFO_PPC64_ENTRY],
  [3, 's390_entry', 'repeated', CPUINFO_S390_ENTRY],
]);
