/** The pre-flight of descriptors: while the tree runs, before anything is frozen. */
import type { Hooks } from '../../hooks.js';
import type { Vma } from '../../kernel/procfs/maps.js';
import { errnoOf, isGone, type ProcReader } from '../../kernel/procfs/reader.js';
import { readFdInfo, showsLock } from '../../kernel/procfs/fdinfo.js';
import type { FileKind, PreflightContext, PreflightOptions, SeenFile } from './kind.js';
import { refusalOf } from './kinds.js';
import { sameInode } from './names.js';
import { stripped } from './naming.js';
import { seeFds, seeLink } from './seen.js';

/** How often something must be seen before it is refused. */
const LOOKS = 3;

/** What the pre-flight of one tree knows about all of its processes; each thing is read when first asked for. */
export class PreflightFiles implements PreflightContext {
  private masters: Set<number> | null = null;
  private readonly mapped = new Set<string>();

  constructor(
    readonly proc: ProcReader,
    readonly options: PreflightOptions,
    private readonly pids: readonly number[],
    private readonly hooks: Hooks,
  ) {}

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
  mappingRefusals(pid: number, vmas: readonly Vma[]): string[] {
    const out: string[] = [];
    for (const vma of vmas) {
      const key = `${vma.devMajor}:${vma.devMinor}:${vma.inode}:${vma.name}`;
      if (vma.kind !== 'file' || this.mapped.has(key)) continue;
      this.mapped.add(key);
      const range = `${vma.start.toString(16)}-${vma.end.toString(16)}`;
      let reason = this.mappingReason(pid, range);
      for (let i = 1; i < LOOKS && reason !== null; i++) if (this.mappingReason(pid, range) !== reason) reason = null;
      if (reason !== null && !this.hooks.claims.claimMapping.call(pid, vma)) out.push(`mapping ${range} ${reason}`);
    }
    return out;
  }

  private mappingReason(pid: number, range: string): string | null {
    const file = seeLink(this.proc, pid, `map_files/${range}`, null);
    if (!file) return null;
    const kind = this.hooks.claims.claimFile.call(file);
    return kind ? this.ask(file, kind) : refusalOf(file, this.asked);
  }

  private reasonOf(pid: number, name: string): string | null {
    const file = seeLink(this.proc, pid, name, null);
    return file ? this.ask(file, this.hooks.claims.claimFile.call(file)) : null;
  }

  /** Why the kind does not dump the file; null also for what is closed, unmapped or ended between two looks of the kind at it. */
  private ask(file: SeenFile, kind: FileKind | undefined): string | null {
    try {
      return kind?.refuse?.(file, this) ?? null;
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

  /** False when link or file changed since we looked: the two may then belong to different files. */
  private stillThere({ pid, fd, link, stat }: SeenFile): boolean {
    const now = seeLink(this.proc, pid, `fd/${fd}`, fd);
    return now !== null && steady(now.link) === steady(link) && sameInode(now.stat, stat);
  }

  private look(pid: number): string[] {
    const out: string[] = [];
    for (const file of seeFds(this.proc, pid)) {
      const kind = this.hooks.claims.claimFile.call(file);
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

/** In /proc the kernel finds out that a name is gone when somebody looks for it, and that may be us. */
function steady(link: string): string {
  return link.startsWith('/proc/') ? stripped(link) : link;
}
