/** memfd_create(2): the file is made once for all descriptions and mappings of it; its content is shared memory in the images. */
import { closeSync, fchmodSync, fchownSync, ftruncateSync, openSync, statfsSync } from 'node:fs';
import { CrError } from '../../errors.js';
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import type { MemfdInodeEntry } from '../../images/generated/files.js';
import { encodeText } from '../../kernel/procfs/text.js';
import type { Handle } from '../../restore/service-fds.js';
import { PageSources, readPageMap, type PageMap } from '../memory/page-map.js';
import { fillFile } from '../memory/restore-shared.js';
import { type DumpContext, type FileKind, fileType, type OpenFile, type RestoreContext, S, type SeenFile } from './kind.js';
import { F, O, SETTABLE } from './open-flags.js';

const PREFIX = '/memfd:';
const DELETED = ' (deleted)';
const HUGETLBFS_MAGIC = 0x958458f6;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_HUGETLB = 4;
const HUGE_SHIFT = 26;
/** Seals that images may carry: SEAL, SHRINK, GROW, WRITE, FUTURE_WRITE, EXEC (linux/fcntl.h). */
const SEALS = 0x3f;
const SEAL_SEAL = 1;
const SEEK_SET = 0;
const SIZE_MAX = 0x7fff_ffff_f000n;
/** MFD_NAME_MAX_LEN without its prefix and NUL. */
const NAME_MAX = 249;
const PAGE = 4096;

function claims(file: SeenFile): boolean {
  return file.link.startsWith(PREFIX) && file.stat.nlink === 0n && fileType(file.stat.mode) === S.reg;
}

/** Content that the memory dump writes: readable descriptors of ours, closed when the dump is over. */
export interface MemfdContent {
  readonly shmid: bigint;
  readonly fd: number;
}

export function memfdContents({ state }: Pick<DumpContext, 'state'>): MemfdContent[] {
  return state('memfd contents', () => []);
}

function inodeId(file: OpenFile, context: DumpContext): number {
  const { state, run, calls, onClose } = context;
  const known = state('memfds', () => new Map<string, number>());
  const key = `${file.stat.dev}:${file.stat.ino}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const id = known.size;
  known.set(key, id);
  const fd = openSync(file.proc, 'r');
  onClose(() => closeSync(fd));
  const shmid = Number(file.stat.ino & 0xffff_ffffn);
  memfdContents(context).push({ shmid: BigInt(shmid), fd });
  const fs = statfsSync(file.proc);
  const huge = fs.type === HUGETLBFS_MAGIC ? { hugetlb_flag: MFD_HUGETLB | (Math.log2(fs.bsize) << HUGE_SHIFT) } : {};
  const seals = calls.call('fcntl', fd, F.getSeals);
  run.images.add('memfd', undefined, {
    name: nameOf(file.link),
    uid: Number(file.stat.uid),
    gid: Number(file.stat.gid),
    size: file.stat.size,
    shmid,
    // EINVAL: a kind that has no seals.
    seals: seals < 0 ? SEAL_SEAL : seals,
    inode_id: BigInt(id),
    ...huge,
    mode: Number(file.stat.mode),
  });
  return id;
}

function nameOf(link: string): string {
  return link.slice(PREFIX.length, link.endsWith(DELETED) ? -DELETED.length : undefined);
}

/** The memfds of one restore. */
class Memfds {
  private readonly inodes = new Map<number, { readonly entry: MemfdInodeEntry; readonly pages: PageMap }>();
  private readonly made = new Map<number, number>();
  /** Those whose first writer is taken. */
  private readonly writers = new Set<number>();

  constructor(private readonly context: RestoreContext) {
    const { images, service } = context.run;
    const sources = new PageSources(service);
    for (const entry of images.exists('memfd') ? images.readAll('memfd') : []) {
      const id = Number(entry.inode_id);
      if (this.inodes.has(id)) throw this.bad(`has inode ${id} twice`);
      if (entry.size > SIZE_MAX || encodeText(entry.name).length > NAME_MAX) throw this.bad(`has an impossible memfd ${id}`);
      const stored = entry.size > 0n && images.exists('pagemap-shmem', entry.shmid);
      this.inodes.set(id, { entry, pages: stored ? readPageMap(images, sources, 'pagemap-shmem', entry.shmid) : { runs: [] } });
    }
  }

  private bad(message: string): CrError {
    return new CrError('CR_IMAGE_BAD', { message, subject: { path: this.context.run.images.pathOf('memfd.img') }, target: 'not started' });
  }

  entry(id: number): MemfdInodeEntry {
    const found = this.inodes.get(id);
    if (!found) throw this.bad(`has no inode ${id}`);
    return found.entry;
  }

  /** Opens the file anew. */
  open(id: number, flags: number): number {
    return openSync(`/proc/self/fd/${this.made.get(id) ?? this.make(id)}`, flags & ~(O.creat | O.excl | O.trunc));
  }

  /**
   * A writer of it if need be, but no other than memfd_create(2) made: a second one counts as a writer of the file, which then cannot be executed
   * (ETXTBSY, fexecve(3)), the first does not.
   */
  openWriter(id: number, flags: number): number {
    if ((flags & O.accmode) !== O.rdwr) return this.open(id, flags);
    const first = this.made.get(id) ?? this.make(id);
    return this.context.run.calls.must({ why: 'copy the descriptor of a memfd' }, 'fcntl', first, F.dupfdCloexec, 0);
  }

  /** The description `flags`: the first that writes is the one of memfd_create(2), if it has no flag that only open(2) can give. */
  describe(id: number, flags: number): number {
    const first = (flags & O.accmode) === O.rdwr && (flags & ~(O.accmode | O.largefile | SETTABLE)) === 0 && !this.writers.has(id);
    if (!first) return this.open(id, flags);
    this.writers.add(id);
    const fd = this.openWriter(id, flags);
    this.context.run.calls.must({ why: 'set the flags of a memfd' }, 'fcntl', fd, F.setfl, flags & SETTABLE);
    return fd;
  }

  private make(id: number): number {
    const { run, share } = this.context;
    const { entry, pages } = this.inodes.get(id)!;
    const { calls } = run;
    const sealed = (entry.seals & SEAL_SEAL) !== 0 && entry.seals === SEAL_SEAL;
    const flags = MFD_CLOEXEC | (sealed ? 0 : MFD_ALLOW_SEALING) | (entry.hugetlb_flag ?? 0);
    const fd = calls.must({ why: `create memfd ${entry.name}` }, 'memfd_create', calls.text(encodeText(entry.name)), flags);
    const handle = share(fd);
    this.made.set(id, fd);
    ftruncateSync(fd, Number(entry.size));
    // The last page is stored whole.
    fillFile(run, fd, Math.ceil(Number(entry.size) / PAGE) * PAGE, pages);
    fchownSync(fd, entry.uid, entry.gid);
    if (entry.mode !== undefined) fchmodSync(fd, entry.mode & 0o7777);
    if (!sealed && (entry.seals & SEALS) !== 0) this.seal(handle, entry.seals & SEALS);
    return fd;
  }

  /** When all mappings are there: F_SEAL_FUTURE_WRITE forbids new writable ones (fcntl(2)). */
  private seal(handle: Handle, seals: number): void {
    const { run, lateIn } = this.context;
    const first = run.tasks.find((task) => task.kind === 'live')!;
    lateIn(first.pid, (p) => p.sys.fcntl(run.service.number(handle), F.addSeals, seals).must('seal a memfd'));
  }
}

export const memfd: FileKind = {
  name: 'memfd',
  type: FD_TYPES.MEMFD,
  claims,
  dump(file, id, context) {
    const inode = inodeId(file, context);
    context.add({ type: FD_TYPES.MEMFD, id, memfd: { id, flags: file.flags, pos: file.pos, fown: file.fown, inode_id: inode } });
  },
  read({ id, memfd: entry }, context) {
    const { flags, pos, fown, inode_id } = entry!;
    const memfds = context.state('memfds', () => new Memfds(context));
    const { name } = memfds.entry(inode_id);
    return {
      id,
      what: `memfd ${name}`,
      flags,
      fown,
      open() {
        const fd = memfds.describe(inode_id, flags & ~(O.async | O.cloexec));
        context.run.calls.must({ why: `set the position of memfd ${name}` }, 'lseek', fd, pos, SEEK_SET);
        return fd;
      },
      openMapped: (wanted) => memfds.openWriter(inode_id, wanted),
    };
  },
};
