/** The pre-flight of descriptors: while the tree runs, before anything is frozen. */
import type { ProcReader } from '../../kernel/procfs/reader.js';
import { readFdInfo } from '../../kernel/procfs/fdinfo.js';
import type { PreflightContext, PreflightOptions, SeenFile } from './kind.js';
import { kindOf, refusalOf } from './kinds.js';
import { seeFds, seeLink } from './seen.js';

/** What the pre-flight of one tree knows about all of its processes; each thing is read when first asked for. */
export class PreflightFiles implements PreflightContext {
  private masters: Set<number> | null = null;

  constructor(
    readonly proc: ProcReader,
    readonly options: PreflightOptions,
    private readonly pids: readonly number[],
  ) {}

  /** Property, not method: kinds take it out of the context. */
  readonly hasLocks = ({ pid, fd }: SeenFile): boolean => fd !== null && (readFdInfo(this.proc, pid, fd)?.locks.length ?? 0) > 0;

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

  /** One line for each file of the process that cannot be dumped: what it is and what to do. */
  refusals(pid: number): string[] {
    const out: string[] = [];
    for (const file of seeFds(this.proc, pid)) {
      const kind = kindOf(file);
      const reason = kind ? (kind.refuse?.(file, this) ?? null) : refusalOf(file);
      if (reason !== null) out.push(`fd ${file.fd} ${reason}`);
    }
    for (const name of ['cwd', 'root', 'exe'] as const) {
      const file = seeLink(this.proc, pid, name, null);
      const reason = file ? (kindOf(file)?.refuse?.(file, this) ?? null) : null;
      if (reason !== null) out.push(`${name} ${reason}`);
    }
    return out;
  }
}
