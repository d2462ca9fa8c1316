/** Bits of vma_entry (criu.md 3.4) and of mmap(2) on x86-64 and arm64 (asm-generic/mman.h). */
export const VMA_STATUS = {
  regular: 1 << 0,
  stack: 1 << 1,
  vsyscall: 1 << 2,
  vdso: 1 << 3,
  heap: 1 << 5,
  filePrivate: 1 << 6,
  fileShared: 1 << 7,
  anonShared: 1 << 8,
  anonPrivate: 1 << 9,
  sysvIpc: 1 << 10,
  socket: 1 << 11,
  vvar: 1 << 12,
  aioRing: 1 << 13,
  memfd: 1 << 14,
  shadowStack: 1 << 15,
  guard: 1 << 16,
  uprobes: 1 << 17,
  extPlugin: 1 << 27,
} as const;

export const MAP = {
  shared: 0x01,
  private: 0x02,
  droppable: 0x08,
  fixed: 0x10,
  anonymous: 0x20,
  growsdown: 0x100,
  locked: 0x2000,
  noreserve: 0x4000,
  stack: 0x20000,
  hugetlb: 0x40000,
  fixedNoreplace: 0x100000,
  hugeShift: 26,
} as const;

/** madvise(2) advice that vma_entry.madv holds as bits (1 << advice), by VmFlags letter. */
export const MADV_OF_FLAG: Readonly<Record<string, number>> = { rr: 1, sr: 2, dc: 10, mg: 12, hg: 14, nh: 15, dd: 16, wf: 18 };
