/** memfds of a restore: each is made once, for all descriptions and mappings of it. */
import { closeSync } from 'node:fs';
import { errnoName } from '../../abi/errno.js';
import { CrError } from '../../errors.js';
import type { MemfdInodeEntry } from '../../images/generated/files.js';
import { encodeText } from '../../kernel/procfs/text.js';
import { PageSources, readPageMap, type PageMap } from '../memory/page-map.js';
import { anonymousFile, fillFile } from '../memory/restore-shared.js';
import { hugePages, lackOfHugePages } from '../memory/huge-pages.js';
import type { RestoreContext } from './kind.js';
import { F, O, SETTABLE } from './open-flags.js';

/** Flags of memfd_create(2). */
export const MFD = { cloexec: 1, allowSealing: 2, hugetlb: 4, noexecSeal: 8, exec: 0x10 } as const;
/** F_SEAL_* (linux/fcntl.h). */
export const SEAL = { seal: 1, shrink: 2, grow: 4, write: 8, futureWrite: 0x10, exec: 0x20 } as const;
const SEALS = 0x3f;
export const HUGE_SHIFT = 26;
const HUGETLB_FLAGS = MFD.hugetlb | (0x3f << HUGE_SHIFT);
/** What /proc calls memory of MAP_SHARED | MAP_ANONYMOUS, of MAP_HUGETLB too. */
export const ANON_SHMEM = '/dev/zero';
export const ANON_HUGE = '/anon_hugepage';
const SIZE_MAX = 0x7fff_ffff_f000n;
/** MFD_NAME_MAX_LEN without its prefix and NUL. */
const NAME_MAX = 249;
const PAGE = 4096;
const AT_FDCWD = -100;
const EXECUTABLE = 0o111;
/** What may be on a description that is not opened again. */
const KEEPS = SETTABLE | O.rdwr | O.largefile | O.async | O.cloexec;

/** The memfds of one restore. */
export class Memfds {
  private readonly files = new Map<number, Memfd>();

  constructor(private readonly context: RestoreContext) {
    const { images, service } = context.run;
    const sources = new PageSources(service);
    for (const entry of images.exists('memfd') ? images.readAll('memfd') : []) {
      const id = Number(entry.inode_id);
      if (this.files.has(id)) throw this.bad(`has inode ${id} twice`);
      this.check(entry);
      const pages = entry.size > 0n ? readPageMap(images, sources, 'pagemap-shmem', entry.shmid) : { runs: [] };
      this.files.set(id, new Memfd(entry, pages, context));
    }
  }

  private check({ inode_id: id, name, size, hugetlb_flag: huge = 0, seals }: MemfdInodeEntry): void {
    const page = huge === 0 ? 1n : BigInt(hugePages(huge));
    if (size > SIZE_MAX || encodeText(name).length > NAME_MAX || name.includes('\0')) throw this.bad(`has an impossible memfd ${id}`);
    if ((huge & ~HUGETLB_FLAGS) !== 0 || (huge !== 0 && (huge & MFD.hugetlb) === 0) || size % page !== 0n)
      throw this.bad(`has memfd ${id} of ${size} bytes with impossible huge pages (0x${huge.toString(16)})`);
    if ((seals & ~SEALS) !== 0)
      throw new CrError('CR_IMAGE_FEATURE', {
        message: `has memfd ${id} with seals that are not known (0x${seals.toString(16)})`,
        subject: { path: this.context.run.images.pathOf('memfd.img') },
        target: 'not started',
      });
  }

  private bad(message: string): CrError {
    return new CrError('CR_IMAGE_BAD', { message, subject: { path: this.context.run.images.pathOf('memfd.img') }, target: 'not started' });
  }

  of(id: number): Memfd {
    const found = this.files.get(id);
    if (!found) throw this.bad(`has no inode ${id}`);
    return found;
  }
}

export class Memfd {
  /** The description that memfd_create made; -1 before. */
  private fd = -1;
  /** Whether the service block has it: what it has it closes. */
  private kept = false;
  /** Whether a descriptor of the tree is that description. */
  private given = false;

  constructor(
    private readonly entry: MemfdInodeEntry,
    private readonly pages: PageMap,
    private readonly context: RestoreContext,
  ) {}

  get name(): string {
    return this.entry.name;
  }

  /**
   * Opens it for a descriptor. Opened by a name a description counts as a writer, and no writer may exist when the file is executed (ETXTBSY,
   * execve(2)); the one that memfd_create made does not count, so the first that reads and writes becomes that one.
   */
  open(flags: number): number {
    if (this.given || (flags & O.accmode) !== O.rdwr || (flags & ~KEEPS) !== 0) return this.reopen(flags);
    this.given = true;
    const fd = this.original();
    this.context.run.calls.must({ why: `set the flags of memfd ${this.name}` }, 'fcntl', fd, F.setfl, flags & SETTABLE);
    return fd;
  }

  /** Opens it for a mapping or as executable. */
  openMapped(flags: number): number {
    return (flags & O.accmode) === O.rdwr ? this.original() : this.reopen(flags);
  }

  private original(): number {
    const fd = this.made();
    if (this.kept) return this.context.run.calls.must({ why: `copy memfd ${this.name}` }, 'fcntl', fd, F.dupfdCloexec, 0);
    // Whom it is given to hands it to the service block.
    this.kept = true;
    return fd;
  }

  private reopen(flags: number): number {
    const fd = this.made();
    if (!this.kept) this.context.share(fd);
    this.kept = true;
    const { calls } = this.context.run;
    const how = (flags & ~(O.creat | O.excl | O.trunc | O.async | O.nofollow | O.directory)) | O.cloexec;
    const path = calls.text(encodeText(`/proc/self/fd/${fd}`));
    return calls.must({ why: `open memfd ${this.name} again` }, 'openat', AT_FDCWD, path, how, 0);
  }

  private made(): number {
    if (this.fd < 0) this.fd = this.make();
    return this.fd;
  }

  private make(): number {
    const { run } = this.context;
    const { entry } = this;
    const size = Number(entry.size);
    const fd = this.isAnonymous() ? anonymousFile(run, size, entry.hugetlb_flag ?? 0) : this.create();
    try {
      run.calls.must({ why: `give memfd ${this.name} its ${size} bytes` }, 'ftruncate', fd, size);
      // The last page is stored whole.
      fillFile(run, fd, Math.ceil(size / PAGE) * PAGE, this.pages);
      run.calls.must({ why: `give memfd ${this.name} its owner` }, 'fchown', fd, entry.uid, entry.gid);
      if (entry.mode !== undefined) run.calls.must({ why: `set the mode of memfd ${this.name}` }, 'fchmod', fd, entry.mode & 0o7777);
      this.seal(fd);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw lackOfHugePages(`memfd ${entry.name}`, entry.hugetlb_flag ?? 0, this.pages, error);
    }
  }

  /** Memory that no memfd_create made: it cannot be sealed. */
  private isAnonymous(): boolean {
    const { name, hugetlb_flag, seals } = this.entry;
    return seals === SEAL.seal && name === (hugetlb_flag === undefined ? ANON_SHMEM : ANON_HUGE);
  }

  private create(): number {
    const { calls } = this.context.run;
    const { name, seals, mode = EXECUTABLE, hugetlb_flag = 0 } = this.entry;
    const base = MFD.cloexec | (seals === SEAL.seal ? 0 : MFD.allowSealing) | hugetlb_flag;
    // Said aloud, because without vm.memfd_noexec decides (sysctl, Linux 6.3). Older kernels know neither flag.
    const noexec = (seals & SEAL.exec) !== 0 && (mode & EXECUTABLE) === 0;
    const text = calls.text(encodeText(name));
    const flags = base | (noexec ? MFD.noexecSeal : MFD.exec);
    const fd = calls.call('memfd_create', text, flags);
    if (fd >= 0) return fd;
    const why = `create memfd ${name}`;
    if (errnoName(-fd) === 'EINVAL') return calls.must({ why }, 'memfd_create', text, base);
    return calls.must({ why, hint: 'EACCES: vm.memfd_noexec (sysctl) allows none that can be executed.' }, 'memfd_create', text, flags);
  }

  /**
   * F_SEAL_WRITE is refused while the file is mapped writable, so nobody has it mapped so and it is set before any mapping; without it seals are set
   * when all mappings are there, because F_SEAL_FUTURE_WRITE forbids new writable ones (fcntl(2)).
   */
  private seal(fd: number): void {
    const { run, lateIn, share } = this.context;
    const { seals, name } = this.entry;
    if (seals === 0 || seals === SEAL.seal) return;
    if ((seals & SEAL.write) !== 0) {
      run.calls.must({ why: `seal memfd ${name}` }, 'fcntl', fd, F.addSeals, seals);
      return;
    }
    const handle = share(run.calls.must({ why: `copy memfd ${name}` }, 'fcntl', fd, F.dupfdCloexec, 0));
    const first = run.tasks.find((task) => task.kind === 'live')!;
    lateIn(first.pid, (p) => p.sys.fcntl(run.service.number(handle), F.addSeals, seals).must(`seal memfd ${name}`));
  }
}
