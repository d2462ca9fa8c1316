/** Mappings: from smaps to vma_entry. File ids come from the descriptor table, contents from pages.ts and shmem.ts. */
import type { VmaEntry } from '../../images/generated/memory.js';
import type { SmapsVma } from '../../kernel/procfs/smaps.js';
import { MADV_OF_FLAG, MAP, VMA_STATUS } from './vma-bits.js';

const O_RDONLY = 0;
const O_RDWR = 2;

/**
 * Mapped files that need an id from the descriptor table: ordinary files, memfds, and shared anonymous memory, which is a memfd in images. A private
 * mapping of huge pages has a file too, but one that nobody else has (see isPrivateHuge).
 */
export function needsFile(vma: SmapsVma): boolean {
  return ['file', 'memfd', 'devZero', 'anonShmem'].includes(vma.kind) || (vma.kind === 'anonHugepage' && vma.shared);
}

/** MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, or a private mapping of shared huge pages (through map_files): only the second has a file with content. */
export function isPrivateHuge(vma: SmapsVma): boolean {
  return vma.kind === 'anonHugepage' && !vma.shared;
}

/** A mapped file in images. */
export interface MappedFile {
  /** In files.img. */
  readonly id: number;
  /** O_* to open it with for the mapping. */
  readonly flags: number;
  readonly isMemfd: boolean;
  /** A device whose mapping a plugin claimed. */
  readonly isDevice: boolean;
}

/** The kernel makes this mapping anew, or its content belongs to nobody: no pages are stored. */
export function hasPages(vma: SmapsVma): boolean {
  if (vma.shared || vma.kind === 'vvar' || vma.kind === 'vvarVclock' || vma.kind === 'vsyscall' || vma.kind === 'vdso') return false;
  return !vma.vmFlags.has('dp');
}

/** Why a mapping cannot be dumped, or null. Decided from /proc alone, before the freeze. */
export function refuseVma(vma: SmapsVma): string | null {
  const flags = vma.vmFlags;
  switch (vma.kind) {
    case 'aio':
      return 'is an AIO ring (io_setup); not built yet: close the context before the dump';
    case 'secretmem':
      return 'is memfd_secret memory, which nobody outside the process can read: let the program recreate it';
    case 'anonInode':
      return `is memory of ${vma.name}; not built yet: close it before the dump`;
    case 'socket':
      return 'is a packet ring of a socket; not built yet: close the socket before the dump';
    case 'special':
      return `is a kernel mapping that is not known here (${vma.name})`;
    case 'other':
      return `maps ${vma.name}, which no resource or plugin knows`;
    case 'sysvShm':
      if (!vma.shared) return `is a private mapping of the System V segment ${vma.name}: attach it with shmat, or unmap it before the dump`;
      break;
    default:
  }
  if (flags.has('ss')) return 'is a shadow stack; not built yet: start the program without user shadow stacks';
  if (flags.has('um') || flags.has('uw') || flags.has('ui')) return 'is registered with a userfaultfd: let the program unregister it';
  if (flags.has('sl')) return 'is sealed (mseal); not built yet';
  if (flags.has('ht') && vma.kind === 'file' && vma.deletedSuffix)
    return `maps ${vma.name}, a deleted file of huge pages; not built yet: unmap it before the dump`;
  if ((flags.has('pf') || flags.has('io') || flags.has('mm')) && vma.kind === 'file')
    return `is device memory (${vma.name}): a plugin for that device must handle it`;
  return null;
}

function statusOf(vma: SmapsVma, file: MappedFile | null): number {
  if (file)
    return (
      VMA_STATUS.regular |
      (file.isMemfd ? VMA_STATUS.memfd : 0) |
      (file.isDevice ? VMA_STATUS.extPlugin : 0) |
      (vma.shared ? VMA_STATUS.fileShared : VMA_STATUS.filePrivate)
    );
  switch (vma.kind) {
    case 'vsyscall':
      return VMA_STATUS.vsyscall | VMA_STATUS.anonPrivate;
    case 'vdso':
      return VMA_STATUS.regular | VMA_STATUS.vdso | VMA_STATUS.anonPrivate;
    case 'vvar':
    case 'vvarVclock':
      return VMA_STATUS.regular | VMA_STATUS.vvar | VMA_STATUS.anonPrivate;
    case 'heap':
      return VMA_STATUS.regular | VMA_STATUS.heap | VMA_STATUS.anonPrivate;
    case 'sysvShm':
      return VMA_STATUS.regular | VMA_STATUS.anonShared | VMA_STATUS.sysvIpc;
    default:
      return VMA_STATUS.regular | VMA_STATUS.anonPrivate;
  }
}

function flagsOf(vma: SmapsVma, file: MappedFile | null): number {
  const droppable = vma.vmFlags.has('dp');
  let flags = vma.shared ? MAP.shared : droppable ? MAP.droppable : MAP.private;
  if (!file) flags |= MAP.anonymous;
  if (vma.vmFlags.has('gd')) flags |= MAP.growsdown;
  if (vma.vmFlags.has('lo')) flags |= MAP.locked;
  if (vma.vmFlags.has('nr')) flags |= MAP.noreserve;
  // MAP_HUGETLB carries the page size in bits 26..31 (mmap(2)).
  if (vma.vmFlags.has('ht')) flags |= MAP.hugetlb | (Math.log2(vma.kernelPageSize) << MAP.hugeShift);
  return flags;
}

const ADVICE = Object.entries(MADV_OF_FLAG).map(([flag, advice]) => ({ flag, advice }));

function madviseOf(vma: SmapsVma): number {
  const droppable = vma.vmFlags.has('dp');
  let bits = 0;
  for (const { flag, advice } of ADVICE) {
    // MAP_DROPPABLE implies DONTDUMP and WIPEONFORK by itself.
    if (vma.vmFlags.has(flag) && !(droppable && (flag === 'dd' || flag === 'wf'))) bits |= 1 << advice;
  }
  return bits;
}

/** @param file what it maps, for mappings with `needsFile` */
export function vmaEntry(vma: SmapsVma, file: MappedFile | null): VmaEntry {
  const madv = madviseOf(vma);
  return {
    start: BigInt(vma.start),
    end: BigInt(vma.end),
    pgoff: BigInt(vma.offset),
    shmid: file ? BigInt(file.id) : vma.kind === 'sysvShm' ? vma.inode : 0n,
    prot: vma.prot,
    flags: flagsOf(vma, file),
    status: statusOf(vma, file),
    fd: -1n,
    ...(madv === 0 ? {} : { madv: BigInt(madv) }),
    ...(file ? { fdflags: file.flags } : vma.kind === 'sysvShm' ? { fdflags: vma.vmFlags.has('mw') ? O_RDWR : O_RDONLY } : {}),
  };
}
