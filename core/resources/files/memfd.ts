/**
 * Shared memory that is a file: memfd_create(2), and memory of MAP_SHARED | MAP_ANONYMOUS, which is a file without a name as well (shmem, or hugetlbfs
 * for huge pages) that maps, descriptors (through /proc/PID/map_files) and private mappings may use. Both kinds are stored as memfds, as CRIU does; the
 * content is a page map of its own.
 */
import { closeSync, openSync, statfsSync } from 'node:fs';
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import { type DumpContext, type FileKind, fileType, type OpenFile, S, type SeenFile } from './kind.js';
import { ANON_HUGE, ANON_SHMEM, HUGE_SHIFT, Memfds, MFD, SEAL } from './memfd-make.js';
import { F, O } from './open-flags.js';

const PREFIX = '/memfd:';
const DELETED = ' (deleted)';
const TMPFS_MAGIC = 0x01021994;
const HUGETLBFS_MAGIC = 0x958458f6;
const SEEK_SET = 0;
/** System V segments keep their own ids for their pages, which are below; memfds are numbered from here. */
export const FIRST_SHMID = 0x8000_0000n;
const SYSV = /^\/SYSV[0-9a-f]{8} \(deleted\)$/;

/** Type of the file system, null when the file is gone meanwhile. */
function fsType(file: SeenFile): number | null {
  try {
    return statfsSync(file.proc).type;
  } catch {
    return null;
  }
}

/** Names cannot tell alone: `/dev/zero (deleted)` may be the name of an ordinary file, on whatever file system that is. */
function claims(file: SeenFile): boolean {
  const { link, stat } = file;
  if (stat.nlink !== 0n || fileType(stat.mode) !== S.reg) return false;
  if (link.startsWith(PREFIX)) return true;
  if (link === ANON_HUGE + DELETED) return fsType(file) === HUGETLBFS_MAGIC;
  if (link === ANON_SHMEM + DELETED) return fsType(file) === TMPFS_MAGIC;
  return SYSV.test(link) && [TMPFS_MAGIC, HUGETLBFS_MAGIC].includes(fsType(file) ?? 0);
}

/** Content that the memory dump writes. */
export interface MemfdContent {
  readonly shmid: bigint;
  /** A readable descriptor of ours, for the caller to close. Only while the tree is frozen. */
  open(): number;
}

export function memfdContents({ state }: Pick<DumpContext, 'state'>): MemfdContent[] {
  return state('memfd contents', () => []);
}

function inodeId(file: OpenFile, context: DumpContext): number {
  const { state, run } = context;
  const known = state('memfds', () => new Map<string, number>());
  const key = `${file.stat.dev}:${file.stat.ino}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const id = known.size;
  known.set(key, id);
  const shmid = FIRST_SHMID + BigInt(id);
  memfdContents(context).push({ shmid, open: () => openSync(file.proc, 'r') });
  const fs = statfsSync(file.proc);
  const huge = fs.type === HUGETLBFS_MAGIC ? { hugetlb_flag: (MFD.hugetlb | (Math.log2(fs.bsize) << HUGE_SHIFT)) >>> 0 } : {};
  run.images.add('memfd', undefined, {
    name: nameOf(file.link),
    uid: Number(file.stat.uid),
    gid: Number(file.stat.gid),
    size: file.stat.size,
    shmid: Number(shmid),
    seals: sealsOf(file, context),
    inode_id: BigInt(id),
    ...huge,
    mode: Number(file.stat.mode),
  });
  return id;
}

function sealsOf(file: OpenFile, { calls }: DumpContext): number {
  const fd = openSync(file.proc, 'r');
  try {
    const seals = calls.call('fcntl', fd, F.getSeals);
    // EINVAL: a kind that has no seals.
    return seals < 0 ? SEAL.seal : seals;
  } finally {
    closeSync(fd);
  }
}

function nameOf(link: string): string {
  const name = link.endsWith(DELETED) ? link.slice(0, -DELETED.length) : link;
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
}

export const memfd: FileKind = {
  name: 'memfd',
  type: FD_TYPES.MEMFD,
  field: 'memfd',
  claims,
  refuse(file, { options, hasLocks }) {
    if (SYSV.test(file.link)) return `is the System V segment ${file.link.slice(0, -DELETED.length)} as a file; close it before the dump`;
    if (!options.fileLocks && hasLocks(file)) return `is ${nameOf(file.link)}, which is locked: dump locks with --file-locks`;
    return null;
  },
  dump(file, id, context) {
    const inode = inodeId(file, context);
    context.add({ type: FD_TYPES.MEMFD, id, memfd: { id, flags: file.flags, pos: file.pos, fown: file.fown, inode_id: inode } });
  },
  read({ id, memfd: entry }, context) {
    const { flags, pos, fown, inode_id } = entry!;
    const made = context.state('memfds', () => new Memfds(context)).of(inode_id);
    const what = `memfd ${made.name}`;
    return {
      id,
      what,
      flags,
      fown,
      open() {
        const fd = made.open(flags);
        if ((flags & O.path) === 0) context.run.calls.must({ why: `set the position of ${what}` }, 'lseek', fd, pos, SEEK_SET);
        return fd;
      },
      openMapped: (wanted) => made.openMapped(wanted),
    };
  },
};
