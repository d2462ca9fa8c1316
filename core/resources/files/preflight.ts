/** The pre-flight of descriptors: while the tree runs, before anything is frozen. */
import type { Hooks } from '../../hooks.js';
import { LocalCalls } from '../../kernel/local.js';
import type { OwnState } from '../../kernel/own-state.js';
import type { SmapsVma } from '../../kernel/procfs/smaps.js';
import { errnoOf, isGone, type ProcReader } from '../../kernel/procfs/reader.js';
import { readFdInfo, showsLock } from '../../kernel/procfs/fdinfo.js';
import type { BuildIds } from './build-id.js';
import type { FileKind, PreflightContext, PreflightOptions, SeenFile } from './kind.js';
import { type HostContext, hostProblem, programProblem, type Use } from './host.js';
import { NO_CHROOT, rootProblems } from './fs.js';
import { refusalOf } from './kinds.js';
import { Mounts } from './mounts.js';
import { sameInode } from './names.js';
import { stripped } from './naming.js';
import { seeFds, seeLink } from './seen.js';

/** How often something must be seen before it is refused. */
const LOOKS = 3;

const PROT_EXEC = 4;
const RLIMIT_NOFILE = 7;
/** Kinds that are opened by path. */
const BY_PATH: readonly string[] = ['reg', 'fifo'];

/** What the pre-flight of one tree knows about all of its processes; each thing is read when first asked for. */
export class PreflightFiles implements PreflightContext {
  private masters: Set<number> | null = null;
  /** The first file for each number of a pty. */
  private readonly ptys = new Map<number, { readonly file: SeenFile; readonly devpts: bigint }>();
  private readonly mapped = new Set<string>();
  /** Files of mappings, each once. */
  private readonly mappedFiles: SeenFile[] = [];
  /** Files that show locks: a lease may be among them. */
  private readonly locked: SeenFile[] = [];
  private readonly host: HostContext;
  private localCalls: LocalCalls | null = null;
  /** Highest descriptor and how many there are, by pid, as last seen. */
  private readonly descriptors = new Map<number, { readonly highest: number; readonly count: number }>();

  constructor(
    readonly proc: ProcReader,
    readonly options: PreflightOptions,
    readonly pids: readonly number[],
    private readonly hooks: Hooks,
  ) {
    this.host = {
      mounts: new Mounts(proc),
      evasiveDevices: options.evasiveDevices,
      mountId: ({ pid, fd }) => (fd === null ? null : (readFdInfo(proc, pid, fd)?.mntId ?? null)),
    };
  }

  get calls(): LocalCalls {
    this.localCalls ??= new LocalCalls();
    return this.localCalls;
  }

  close(): void {
    this.localCalls?.close();
    this.localCalls = null;
  }

  /** Plugins that were asked about what nothing built in dumps. */
  private get asked(): readonly string[] {
    return this.hooks.tappedBy('dump.claimFile');
  }

  /** Property, not method: kinds take it out of the context. */
  readonly hasLocks = ({ pid, fd }: SeenFile): boolean => fd !== null && showsLock(this.proc, pid, fd);

  readonly hasMaster = (index: number): boolean => {
    this.masters ??= this.findMasters();
    return this.masters.has(index);
  };

  otherPty(file: SeenFile, index: number, devpts: bigint): SeenFile | null {
    const first = this.ptys.get(index);
    if (!first) this.ptys.set(index, { file, devpts });
    return first && first.devpts !== devpts ? first.file : null;
  }

  private findMasters(): Set<number> {
    const out = new Set<number>();
    for (const pid of this.pids)
      for (const file of seeFds(this.proc, pid)) {
        if (!file.link.endsWith('ptmx')) continue;
        const index = readFdInfo(this.proc, pid, file.fd!)?.ttyIndex;
        if (index !== null && index !== undefined) out.add(index);
      }
    return out;
  }

  /** One line for each mapped file that cannot be dumped; each file once, however many processes map it. */
  mappingRefusals(pid: number, vmas: readonly SmapsVma[]): string[] {
    const out: string[] = [];
    for (const { vma, use } of mappedFiles(vmas).filter(({ key }) => this.isNew(key))) {
      const range = `${vma.start.toString(16)}-${vma.end.toString(16)}`;
      let reason = this.mappingReason(pid, range, use);
      for (let i = 1; i < LOOKS && reason !== null; i++) if (this.mappingReason(pid, range, use) !== reason) reason = null;
      if (reason !== null && !this.hooks.claims.claimMapping.call(pid, vma)) out.push(`mapping ${range} ${reason}`);
    }
    return out;
  }

  private isNew(key: string): boolean {
    if (this.mapped.has(key)) return false;
    this.mapped.add(key);
    return true;
  }

  private mappingReason(pid: number, range: string, use: Use): string | null {
    const file = seeLink(this.proc, pid, `map_files/${range}`, null);
    if (!file) return null;
    const kind = this.hooks.claims.claimFile.call(file);
    if (kind?.name === 'reg') this.mappedFiles.push(file);
    return kind ? this.ask(file, kind, use) : refusalOf(file, this.asked);
  }

  /** After all processes: what would else be opened, and perhaps read from a disk, while the tree stands. */
  readBuildIds(ids: BuildIds): void {
    for (const { stat } of this.locked) ids.leave(stat);
    for (const { stat, proc } of this.mappedFiles) ids.of(stat, proc);
  }

  private reasonOf(pid: number, name: string): string | null {
    const file = seeLink(this.proc, pid, name, null);
    if (!file) return null;
    return this.ask(file, this.hooks.claims.claimFile.call(file)) ?? (name === 'exe' ? programProblem(file, this.host.mounts) : null);
  }

  /**
   * Why the kind does not dump the file, or the host would not give it back; null also for what is closed, unmapped or ended between two looks at it.
   * @param use of a mapping
   */
  private ask(file: SeenFile, kind: FileKind | undefined, use: Use | null = null): string | null {
    try {
      const reason = kind?.refuse?.(file, this) ?? null;
      return reason ?? (kind && BY_PATH.includes(kind.name) ? hostProblem(file, use, this.host) : null);
    } catch (error) {
      if (isGone(errnoOf(error))) return null;
      throw error;
    }
  }

  /**
   * One line for each file of the process that cannot be dumped: what it is and what to do. The process runs: a descriptor may become another file
   * between our looks at its link and at its target, and a file may be renamed between its link and our stat(2). Only what is there every time counts;
   * what comes back by chance is met again, exactly, when the tree stands.
   */
  refusals(pid: number): string[] {
    let lines = this.look(pid);
    for (let i = 1; i < LOOKS && lines.length > 0; i++) {
      const again = new Set(this.look(pid));
      lines = lines.filter((line) => again.has(line));
    }
    return lines;
  }

  /** What a restore with our own rights could not do; after `refusals`. It needs a number for each descriptor above the highest (restore/service-fds.ts). */
  foresee(pid: number, own: OwnState): string[] {
    return [...this.foreseeNumbers(pid, own), ...rootProblems(this.proc.link(`${pid}/root`) ?? NO_CHROOT, own)];
  }

  private foreseeNumbers(pid: number, own: OwnState): string[] {
    const { highest, count } = this.descriptors.get(pid) ?? { highest: 0, count: 0 };
    const limit = own.limits[RLIMIT_NOFILE]!.hard;
    return BigInt(highest + 1 + count) <= limit
      ? []
      : [
          `has descriptor ${highest}, above which a restore needs ${count} numbers, and criu-ts may have ${limit}: ` +
            'start criu-ts with a higher limit (ulimit -H -n)',
        ];
  }

  /** False when link or file changed since we looked: the two may then belong to different files. */
  private stillThere({ pid, fd, link, stat }: SeenFile): boolean {
    const now = seeLink(this.proc, pid, `fd/${fd}`, fd);
    return now !== null && steady(now.link) === steady(link) && sameInode(now.stat, stat);
  }

  private look(pid: number): string[] {
    const out: string[] = [];
    const seen = seeFds(this.proc, pid);
    this.descriptors.set(pid, { highest: seen.at(-1)?.fd ?? 0, count: seen.length });
    for (const file of seen) {
      const kind = this.hooks.claims.claimFile.call(file);
      if (this.options.fileLocks && kind?.name === 'reg' && this.hasLocks(file)) this.locked.push(file);
      const reason = kind ? this.ask(file, kind) : refusalOf(file, this.asked);
      if (reason !== null && this.stillThere(file)) out.push(`fd ${file.fd} ${reason}`);
    }
    for (const name of ['cwd', 'root', 'exe'] as const) {
      const reason = this.reasonOf(pid, name);
      if (reason !== null) out.push(`${name} ${reason}`);
    }
    return out;
  }
}

interface MappedFile {
  readonly key: string;
  /** The first mapping of it. */
  readonly vma: SmapsVma;
  /** Of all of them. */
  readonly use: Use;
}

function mappedFiles(vmas: readonly SmapsVma[]): MappedFile[] {
  const out = new Map<string, MappedFile>();
  for (const vma of vmas) {
    if (vma.kind !== 'file') continue;
    const file = `${vma.devMajor}:${vma.devMinor}:${vma.inode}:${vma.name}`;
    const known = out.get(file);
    const writes = (known?.use.writes ?? false) || (vma.shared && vma.vmFlags.has('mw'));
    const runs = (known?.use.runs ?? false) || (vma.prot & PROT_EXEC) !== 0;
    out.set(file, { key: `${file}:${writes}:${runs}`, vma: known?.vma ?? vma, use: { writes, runs } });
  }
  return [...out.values()];
}

/** In /proc the kernel finds out that a name is gone when somebody looks for it, and that may be us. */
function steady(link: string): string {
  return link.startsWith('/proc/') ? stripped(link) : link;
}
