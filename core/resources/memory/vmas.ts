/** Mappings: from smaps to vma_entry. File ids come from the descriptor table, contents from pages.ts and shmem.ts. */
import type { VmaEntry } from '../../images/generated/memory.js';
import type { SmapsVma } from '../../kernel/procfs/smaps.js';
import { MADV_OF_FLAG, MAP, VMA_STATUS } from './vma-bits.js';

const O_RDONLY = 0;
const O_RDWR = 2;

/** Mapped files that need an id from the descriptor table: ordinary files, and memfds (whose content is shared memory). */
export function needsFile(vma: SmapsVma): boolean {
  return vma.kind === 'file' || vma.kind === 'memfd';
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
    default:
  }
  if (flags.has('ss')) return 'is a shadow stack; not built yet: start the program without user shadow stacks';
  if (flags.has('um') || flags.has('uw') || flags.has('ui')) return 'is registered with a userfaultfd: let the program unregister it';
  if (flags.has('sl')) return 'is sealed (mseal); not built yet';
  if ((flags.has('pf') || flags.has('io') || flags.has('mm')) && vma.kind === 'file')
    return `is device memory (${vma.name}): a plugin for that device must handle it`;
  return null;
}

function statusOf(vma: SmapsVma): number {
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
    case 'memfd':
      return VMA_STATUS.regular | VMA_STATUS.memfd | (vma.shared ? VMA_STATUS.fileShared : VMA_STATUS.filePrivate);
    case 'file':
      return VMA_STATUS.regular | (vma.shared ? VMA_STATUS.fileShared : VMA_STATUS.filePrivate);
    default:
      return VMA_STATUS.regular | (vma.shared ? VMA_STATUS.anonShared : VMA_STATUS.anonPrivate);
  }
}

function flagsOf(vma: SmapsVma): number {
  const droppable = vma.vmFlags.has('dp');
  let flags = vma.shared ? MAP.shared : droppable ? MAP.droppable : MAP.private;
  if (!needsFile(vma)) flags |= MAP.anonymous;
  if (vma.vmFlags.has('gd')) flags |= MAP.growsdown;
  if (vma.vmFlags.has('lo')) flags |= MAP.locked;
  if (vma.vmFlags.has('nr')) flags |= MAP.noreserve;
  // MAP_HUGETLB carries the page size in bits 26..31 (mmap(2)).
  if (vma.vmFlags.has('ht')) flags |= MAP.hugetlb | (Math.log2(vma.kernelPageSize) << MAP.hugeShift);
  return flags;
}

function madviseOf(vma: SmapsVma): number {
  const droppable = vma.vmFlags.has('dp');
  let bits = 0;
  for (const [flag, advice] of Object.entries(MADV_OF_FLAG)) {
    // MAP_DROPPABLE implies DONTDUMP and WIPEONFORK by itself.
    if (vma.vmFlags.has(flag) && !(droppable && (flag === 'dd' || flag === 'wf'))) bits |= 1 << advice;
  }
  return bits;
}

/** True for shared memory without a file of its own: its inode number is the shmid. Segments of System V have ids of their own and are not meant. */
export function isSharedAnon(vma: SmapsVma): boolean {
  return vma.kind === 'devZero' || vma.kind === 'anonShmem' || (vma.kind === 'anonHugepage' && vma.shared);
}

/**
 * @param file id in files.img and the open flags of the mapped file, for mappings with `needsFile`
 * @param shared what images call the shared memory of mappings with `isSharedAnon`
 */
export function vmaEntry(vma: SmapsVma, file: { id: number; flags: number } | null, shared: bigint): VmaEntry {
  const madv = madviseOf(vma);
  return {
    start: BigInt(vma.start),
    end: BigInt(vma.end),
    pgoff: BigInt(vma.offset),
    shmid: file ? BigInt(file.id) : vma.kind === 'sysvShm' ? vma.inode : isSharedAnon(vma) ? shared : 0n,
    prot: vma.prot,
    flags: flagsOf(vma),
    status: statusOf(vma),
    fd: -1n,
    ...(madv === 0 ? {} : { madv: BigInt(madv) }),
    ...(file ? { fdflags: file.flags } : vma.kind === 'sysvShm' ? { fdflags: vma.vmFlags.has('mw') ? O_RDWR : O_RDONLY } : {}),
  };
}
