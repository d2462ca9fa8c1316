/** /proc/PID/maps: the list of mappings (proc_pid_maps(5); fs/proc/task_mmu.c, show_map_vma). */
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner } from './scanner.js';
import { decodeText } from './text.js';

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;

/**
 * What the name says a mapping is. It is a hint: any of the texts that start with `/` can also be the name of a real file, only (dev, ino)
 * of the mapped file decides. Bracketed and prefixed names cannot be faked by files.
 * - `anon` no name; `anonName` [anon:x] and `anonShmem` [anon_shmem:x] are names given by prctl(PR_SET_VMA);
 * - `heap`, `stack`: follow mm->brk and mm->start_stack, nothing else distinguishes the mapping from `anon`;
 * - `sysvShm` /SYSVxxxxxxxx, the inode is the shmid; `devZero` shared anonymous memory; `anonHugepage` the same with MAP_HUGETLB;
 * - `vsyscall` lies in the kernel half, is the same in every process and belongs to no mm: leave it out;
 * - `special` any other bracketed name ([uprobes], [vvar_...] of newer kernels); `other` any other driver's text.
 */
export type VmaKind =
  | 'anon'
  | 'file'
  | 'heap'
  | 'stack'
  | 'vdso'
  | 'vvar'
  | 'vvarVclock'
  | 'vsyscall'
  | 'anonName'
  | 'anonShmem'
  | 'memfd'
  | 'sysvShm'
  | 'devZero'
  | 'anonHugepage'
  | 'aio'
  | 'secretmem'
  | 'anonInode'
  | 'socket'
  | 'special'
  | 'other';

/** One line of maps. */
export interface Vma {
  /** First byte. Exact although a Number, also for [vsyscall]: addresses of pages have at most 52 significant bits. */
  readonly start: number;
  /** First byte behind. */
  readonly end: number;
  /** PROT_READ | PROT_WRITE | PROT_EXEC. */
  readonly prot: number;
  /** MAP_SHARED. */
  readonly shared: boolean;
  /** Offset in the file, in bytes. */
  readonly offset: number;
  readonly devMajor: number;
  readonly devMinor: number;
  /** 0 for memory without file. */
  readonly inode: bigint;
  /** Name, unescaped, with the ` (deleted)` that may follow it; '' when there is none. */
  readonly name: string;
  readonly kind: VmaKind;
  /** The name ends in ` (deleted)`, which a real name may do as well (link.ts tells how to decide). */
  readonly deletedSuffix: boolean;
  /** `\012` was replaced by a newline: the file may as well have that backslash in its name. The link in map_files knows. */
  readonly unescaped: boolean;
}

const MAPS_LIMIT = 256 * 1024 * 1024;
const DELETED = ' (deleted)';
const NEWLINE_ESCAPE = '\\012';
const [SPACE, DASH, COLON] = [0x20, 0x2d, 0x3a];

const BRACKETED: Readonly<Record<string, VmaKind>> = {
  '[heap]': 'heap',
  '[stack]': 'stack',
  '[vdso]': 'vdso',
  '[vvar]': 'vvar',
  '[vvar_vclock]': 'vvarVclock',
  '[vsyscall]': 'vsyscall',
};

/** Names of unlinked files on the kernel's internal mounts: all of them show as deleted. */
const INTERNAL: readonly (readonly [prefix: string, kind: VmaKind])[] = [
  ['/memfd:', 'memfd'],
  ['/SYSV', 'sysvShm'],
  ['/dev/zero (deleted)', 'devZero'],
  ['/anon_hugepage (deleted)', 'anonHugepage'],
  ['/[aio] (deleted)', 'aio'],
  ['/secretmem (deleted)', 'secretmem'],
];

/** Kind of a mapping by its (unescaped) name. */
export function vmaKind(name: string): VmaKind {
  if (name === '') return 'anon';
  if (name.startsWith('/')) {
    if (!name.endsWith(DELETED)) return 'file';
    return INTERNAL.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 'file';
  }
  if (name.startsWith('[')) {
    if (name.startsWith('[anon:')) return 'anonName';
    return name.startsWith('[anon_shmem:') ? 'anonShmem' : (BRACKETED[name] ?? 'special');
  }
  if (name.startsWith('anon_inode:')) return 'anonInode';
  if (name.startsWith('socket:[')) return 'socket';
  // "(unreachable)/x": a file that is not below the reader's root.
  return name.startsWith('(unreachable)') ? 'file' : 'other';
}

function permission(s: ByteScanner, letter: number, bit: number): number {
  const byte = s.peek();
  if (byte !== letter && byte !== DASH) s.fail('mapping permissions');
  s.pos++;
  return byte === letter ? bit : 0;
}

function sharing(s: ByteScanner): boolean {
  const byte = s.peek();
  if (byte !== 0x73 && byte !== 0x70) s.fail('s or p');
  s.pos++;
  return byte === 0x73;
}

/** Reads one line, which is also the first line of each smaps entry. Throws CR_KERNEL. */
export function parseVmaLine(s: ByteScanner): Vma {
  const start = s.page('the start of a mapping');
  s.byte(DASH);
  const end = s.page('the end of a mapping');
  if (end <= start) s.fail('an end behind the start');
  s.byte(SPACE);
  const prot = permission(s, 0x72, PROT_READ) | permission(s, 0x77, PROT_WRITE) | permission(s, 0x78, PROT_EXEC);
  const shared = sharing(s);
  s.byte(SPACE);
  const offset = s.page('an offset');
  s.byte(SPACE);
  const devMajor = s.hex('a device number');
  s.byte(COLON);
  const devMinor = s.hex('a device number');
  s.byte(SPACE);
  const inode = s.bigDec('an inode number');
  const eol = s.lineEnd();
  // The name is padded to column 73; every name starts with another character than a blank, but may end with one.
  s.spaces();
  const raw = decodeText(s.bytes, s.pos, eol);
  const unescaped = raw.includes(NEWLINE_ESCAPE);
  // Only the newline is escaped in maps: any other backslash belongs to the name.
  const name = unescaped ? raw.replaceAll(NEWLINE_ESCAPE, '\n') : raw;
  s.pos = eol + 1;
  const deletedSuffix = name.endsWith(DELETED);
  return { start, end, prot, shared, offset, devMajor, devMinor, inode, name, kind: vmaKind(name), deletedSuffix, unescaped };
}

/** All mappings in the order of the file, which is by address; [vsyscall] is the last one. Throws CR_KERNEL. */
export function parseMaps(text: ProcText): Vma[] {
  const s = new ByteScanner(text.bytes, text.path);
  const out: Vma[] = [];
  while (!s.done) out.push(parseVmaLine(s));
  return out;
}

/**
 * Mappings of a process. Null when it is gone; zombies and kernel threads have none, or on newer kernels count as gone (the open gives ESRCH).
 * Only exact while no thread of it runs: the kernel gives the text page by page.
 */
export function readMaps(reader: ProcReader, pid: number, tid?: number): Vma[] | null {
  const text = reader.read(`${taskDir(pid, tid)}/maps`, MAPS_LIMIT);
  return text === null ? null : parseMaps(text);
}
