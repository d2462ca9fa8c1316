/** The pre-flight of descriptors: while the tree runs, before anything is frozen. */
import type { BigIntStats } from 'node:fs';
import { readLocks } from '../../kernel/procfs/locks.js';
import { type ProcReader, splitDev } from '../../kernel/procfs/reader.js';
import { readFdInfo } from '../../kernel/procfs/fdinfo.js';
import type { PreflightContext, PreflightOptions } from './kind.js';
import { kindOf, refusalOf } from './kinds.js';
import { seeFds, seeLink } from './seen.js';

/** What the pre-flight of one tree knows about all of its processes; each thing is read when first asked for. */
export class PreflightFiles implements PreflightContext {
  private locks: Set<string> | null = null;
  private masters: Set<number> | null = null;

  constructor(
    readonly proc: ProcReader,
    readonly options: PreflightOptions,
    private readonly pids: readonly number[],
  ) {}

  /** Property, not method: kinds take it out of the context. */
  readonly hasLocks = (stat: BigIntStats): boolean => {
    this.locks ??= new Set(readLocks(this.proc).map((lock) => `${lock.devMajor}:${lock.devMinor}:${lock.inode}`));
    if (this.locks.size === 0) return false;
    const { major, minor } = splitDev(stat.dev);
    return this.locks.has(`${major}:${minor}:${stat.ino}`);
  };

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
      const reason = file ? (kindOf(file)?.refuse?.(file, { ...this, hasLocks: () => false }) ?? null) : null;
      if (reason !== null) out.push(`${name} ${reason}`);
    }
    return out;
  }
}
