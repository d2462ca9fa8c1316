/** Which objects a plugin is asked about: those that its manifest names. */
import { S, fileType } from '../resources/files/kind.js';
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

/** A glob as an expression: `*` does not cross a slash, `**` does. */
function globExpression(glob: string): RegExp {
  const body = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*\*|\*|\?/g, (c) => (c === '**' ? '.*' : c === '*' ? '[^/]*' : '[^/]'));
  return new RegExp(`^${body}$`);
}

/** The claims of one manifest, ready to be asked. */
export class Claims {
  private readonly globs: readonly RegExp[];

  constructor(private readonly filter: ClaimFilter) {
    this.globs = (filter.paths ?? []).map(globExpression);
  }

  private path(link: string): boolean {
    return this.globs.some((glob) => glob.test(link));
  }

  /** @param family of the file when it is a socket: `unix`, `inet` ...; null when it cannot be told. Asked only when that matters. */
  file(file: SeenObject, family: () => string | null): boolean {
    const { charMajors = [], blockMajors = [], anonInodes = [], sockets = [] } = this.filter;
    if (file.type === 'socket') return sockets.length > 0 && sockets.includes(family() ?? '');
    if (file.type === 'character device' && charMajors.includes(file.major)) return true;
    if (file.type === 'block device' && blockMajors.includes(file.major)) return true;
    const anonymous = /^anon_inode:\[?([^\]]*)\]?$/.exec(file.link)?.[1];
    if (anonymous !== undefined) return anonInodes.includes(anonymous);
    return this.path(file.link);
  }

  mapping(mapping: SeenMapping): boolean {
    const { charMajors = [] } = this.filter;
    return (mapping.major !== 0 && charMajors.includes(mapping.major)) || this.path(mapping.link);
  }
}
