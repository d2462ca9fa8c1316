// Generated from core/images/schema/memory.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export interface VmaEntry extends MessageBase {
  start: bigint;
  end: bigint;
  pgoff: bigint;
  shmid: bigint;
  prot: number;
  flags: number;
  status: number;
  fd: bigint;
  madv?: bigint | undefined;
  fdflags?: number | undefined;
}

export const VMA_ENTRY : MessageType<VmaEntry> = new MessageType('vma_entry', () => [
  [1, 'start', 'required', 'uint64'],
  [2, 'end', 'required', 'uint64'],
  [3, 'pgoff', 'required', 'uint64'],
  [4, 'shmid', 'required', 'uint64'],
  [5, 'prot', 'required', 'uint32'],
  [6, 'flags', 'required', 'uint32'],
  [7, 'status', 'required', 'uint32'],
  [8, 'fd', 'required', 'sint64'],
  [9, 'madv', 'optional', 'uint64'],
  [10, 'fdflags', 'optional', 'uint32'],
]);

export interface AioRingEntry extends MessageBase {
  id: bigint;
  nr_req: number;
  ring_len: number;
}

export const AIO_RING_ENTRY : MessageType<AioRingEntry> = new MessageType('aio_ring_entry', () => [
  [1, 'id', 'required', 'uint64'],
  [2, 'nr_req', 'required', 'uint32'],
  [3, 'ring_len', 'required', 'uint32'],
]);

export interface MmEntry extends MessageBase {
  mm_start_code: bigint;
  mm_end_code: bigint;
  mm_start_data: bigint;
  mm_end_data: bigint;
  mm_start_stack: bigint;
  mm_start_brk: bigint;
  mm_brk: bigint;
  mm_arg_start: bigint;
  mm_arg_end: bigint;
  mm_env_start: bigint;
  mm_env_end: bigint;
  exe_file_id: number;
  mm_saved_auxv: bigint[];
  vmas: VmaEntry[];
  dumpable?: number | undefined;
  aios: AioRingEntry[];
  thp_disabled?: boolean | undefined;
}

export const MM_ENTRY : MessageType<MmEntry> = new MessageType('mm_entry', () => [
  [1, 'mm_start_code', 'required', 'uint64'],
  [2, 'mm_end_code', 'required', 'uint64'],
  [3, 'mm_start_data', 'required', 'uint64'],
  [4, 'mm_end_data', 'required', 'uint64'],
  [5, 'mm_start_stack', 'required', 'uint64'],
  [6, 'mm_start_brk', 'required', 'uint64'],
  [7, 'mm_brk', 'required', 'uint64'],
  [8, 'mm_arg_start', 'required', 'uint64'],
  [9, 'mm_arg_end', 'required', 'uint64'],
  [10, 'mm_env_start', 'required', 'uint64'],
  [11, 'mm_env_end', 'required', 'uint64'],
  [12, 'exe_file_id', 'required', 'uint32'],
  [13, 'mm_saved_auxv', 'repeated', 'uint64'],
  [14, 'vmas', 'repeated', VMA_ENTRY],
  [15, 'dumpable', 'optional', 'int32'],
  [16, 'aios', 'repeated', AIO_RING_ENTRY],
  [17, 'thp_disabled', 'optional', 'bool'],
]);

export interface PagemapHead extends MessageBase {
  pages_id: number;
}

export const PAGEMAP_HEAD : MessageType<PagemapHead> = new MessageType('pagemap_head', () => [
  [1, 'pages_id', 'required', 'uint32'],
]);

export interface PagemapEntry extends MessageBase {
  vaddr: bigint;
  compat_nr_pages: number;
  in_parent?: boolean | undefined;
  flags?: number | undefined;
  nr_pages?: bigint | undefined;
}

export const PAGEMAP_ENTRY : MessageType<PagemapEntry> = new MessageType('pagemap_entry', () => [
  [1, 'vaddr', 'required', 'uint64'],
  [2, 'compat_nr_pages', 'required', 'uint32'],
  [3, 'in_parent', 'optional', 'bool'],
  [4, 'flags', 'optional', 'uint32'],
  [5, 'nr_pages', 'optional', 'uint64'],
]);
