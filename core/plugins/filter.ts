/** Which objects a plugin is asked about: those that its manifest names. */
import type { Vma } from '../kernel/procfs/maps.js';
import { type ProcReader, splitDev } from '../kernel/procfs/reader.js';
import { S, type SeenFile, fileType } from '../resources/files/kind.js';
import type { FileType, SeenMapping, SeenObject } from './contexts.js';
import type { ClaimFilter } from './definition.js';

const TYPES: ReadonlyMap<number, FileType> = new Map([
  [S.reg, 'regular'],
  [S.dir, 'directory'],
  [S.chr, 'character device'],
  [S.blk, 'block device'],
  [S.fifo, 'fifo'],
  [S.sock, 'socket'],
]);

/** Kind of a file by st_mode. Anonymous inodes have none (anon_inode_getfile(), fs/anon_inodes.c). */
export function typeOf(mode: bigint): FileType {
  return TYPES.get(fileType(mode)) ?? 'anonymous';
}

/** A file as plugins see it. */
export function seenObject(file: SeenFile, frozen: boolean): SeenObject {
  const { pid, fd, link, stat, proc } = file;
  const { major, minor } = splitDev(stat.rdev);
  return { pid, fd, type: typeOf(stat.mode), link, major, minor, inode: stat.ino, proc, frozen };
}

/** A mapping of a file as plugins see it. */
export function seenMapping(proc: ProcReader, pid: number, vma: Vma, frozen: boolean): SeenMapping {
  const { start, end, offset, name: link, shared } = vma;
  const file = proc.stat(`${pid}/map_files/${start.toString(16)}-${end.toString(16)}`);
  const device = file ? { type: typeOf(BigInt(file.mode)), major: file.rdevMajor, minor: file.rdevMinor } : GONE;
  return { pid, start, end, offset, link, shared, frozen, ...device };
}

const GONE = { type: 'anonymous', major: 0, minor: 0 } as const;

/** Whether it was met as a mapping: plugins claim those by dump.claimMapping. */
export function isMappedFile({ fd, proc }: SeenFile): boolean {
  return fd === null && proc.includes('/map_files/');
}

/** `io_uring` for `anon_inode:[io_uring]`; undefined for everything else. */
export function anonymousName(link: string): string | undefined {
  return link.startsWith('anon_inode:') ? /^anon_inode:\[?([^\]]*)\]?$/.exec(link)?.[1] : undefined;
}

/** A glob as an expression: `*` does not cross a slash, `**` does. */
function globExpression(glob: string): RegExp {
  const body = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*\*|\*|\?/g, (c) => (c === '**' ? '.*' : c === '*' ? '[^/]*' : '[^/]'));
  return new RegExp(`^${body}$`);
}

/** A glob that is compiled when something begins as it does: with many plugins most never are. */
export class Glob {
  private readonly begin: string;
  private expression: RegExp | null = null;

  constructor(private readonly glob: string) {
    const special = glob.search(/[*?]/);
    this.begin = special < 0 ? glob : glob.slice(0, special);
  }

  fits(link: string): boolean {
    return link.startsWith(this.begin) && (this.expression ??= globExpression(this.glob)).test(link);
  }
}

/** The claims of one manifest, ready to be asked. */
export class Claims {
  private readonly globs: readonly Glob[];

  constructor(private readonly filter: ClaimFilter) {
    this.globs = (filter.paths ?? []).map((glob) => new Glob(glob));
  }

  private path(link: string): boolean {
    return this.globs.some((glob) => glob.fits(link));
  }

  /** @param family of the file when it is a socket: `unix`, `inet` ...; null when it cannot be told. Asked only when that matters. */
  file(file: SeenObject, family: () => string | null): boolean {
    const { charMajors = [], blockMajors = [], anonInodes = [], sockets = [] } = this.filter;
    if (file.type === 'socket') return sockets.length > 0 && sockets.includes(family() ?? '');
    if (file.type === 'character device' && charMajors.includes(file.major)) return true;
    if (file.type === 'block device' && blockMajors.includes(file.major)) return true;
    const anonymous = anonymousName(file.link);
    if (anonymous !== undefined) return anonInodes.includes(anonymous);
    return this.path(file.link);
  }

  mapping({ link, type, major }: Pick<SeenMapping, 'link' | 'type' | 'major'>): boolean {
    const { charMajors = [], blockMajors = [] } = this.filter;
    if (type === 'character device' && charMajors.includes(major)) return true;
    if (type === 'block device' && blockMajors.includes(major)) return true;
    return this.path(link);
  }
}
