/** /proc/PID/smaps: mappings with VmFlags (proc_pid_smaps(5)). Eight to ten times dearer than maps: read it before the freeze where possible. */
import { KeyTable, kilobytes } from './key-lines.js';
import { parseVmaLine, type Vma } from './maps.js';
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner, hexDigit } from './scanner.js';

/** A mapping and what only smaps knows. Sizes in bytes. */
export interface SmapsVma extends Vma {
  /** Page size of the mapping (hugetlb differs from 4096). */
  readonly kernelPageSize: number;
  readonly rss: number;
  readonly anonymous: number;
  readonly swap: number;
  readonly locked: number;
  /** Memory in huge pages: anonymous, shmem, file. */
  readonly anonHugePages: number;
  readonly shmemPmdMapped: number;
  readonly filePmdMapped: number;
  /** Protection key, null when the kernel has none. */
  readonly protectionKey: number | null;
  /** Whether the mapping may get huge pages, null when the kernel does not say. */
  readonly thpEligible: boolean | null;
  /** Two-letter codes of VmFlags (kernel-tasks.md, "VmFlags letters"); codes that are newer than this program are in it too. */
  readonly vmFlags: ReadonlySet<string>;
}

type Extra = { -readonly [K in Exclude<keyof SmapsVma, keyof Vma>]: SmapsVma[K] };

/** 65,530 mappings, the usual limit, give 47 MiB; distributions that raise it to a million stay below this. */
const SMAPS_LIMIT = 1024 * 1024 * 1024;

const NO_FLAGS: ReadonlySet<string> = new Set();

/** Sets by their text: thousands of mappings share a handful. */
type FlagSets = Map<string, ReadonlySet<string>>;

function flagSet(sets: FlagSets, line: string): ReadonlySet<string> {
  const known = sets.get(line);
  if (known !== undefined) return known;
  const set = new Set(line.split(' ').filter((code) => code !== ''));
  sets.set(line, set);
  return set;
}

function table(sets: FlagSets): KeyTable<Extra> {
  return new KeyTable<Extra>({
    KernelPageSize: (s, e) => (e.kernelPageSize = kilobytes(s)),
    Rss: (s, e) => (e.rss = kilobytes(s)),
    Anonymous: (s, e) => (e.anonymous = kilobytes(s)),
    Swap: (s, e) => (e.swap = kilobytes(s)),
    Locked: (s, e) => (e.locked = kilobytes(s)),
    AnonHugePages: (s, e) => (e.anonHugePages = kilobytes(s)),
    ShmemPmdMapped: (s, e) => (e.shmemPmdMapped = kilobytes(s)),
    FilePmdMapped: (s, e) => (e.filePmdMapped = kilobytes(s)),
    ProtectionKey: (s, e) => (e.protectionKey = s.dec('a protection key')),
    THPeligible: (s, e) => (e.thpEligible = s.dec('0 or 1') !== 0),
    VmFlags: (s, e) => (e.vmFlags = flagSet(sets, s.restOfLine())),
  });
}

function freshExtra(): Extra {
  return {
    kernelPageSize: 0,
    rss: 0,
    anonymous: 0,
    swap: 0,
    locked: 0,
    anonHugePages: 0,
    shmemPmdMapped: 0,
    filePmdMapped: 0,
    protectionKey: null,
    thpEligible: null,
    vmFlags: NO_FLAGS,
  };
}

/** Written out: spreading two objects costs more than reading the whole entry. */
function merged(vma: Vma, extra: Extra): SmapsVma {
  return {
    start: vma.start,
    end: vma.end,
    prot: vma.prot,
    shared: vma.shared,
    offset: vma.offset,
    devMajor: vma.devMajor,
    devMinor: vma.devMinor,
    inode: vma.inode,
    name: vma.name,
    kind: vma.kind,
    deletedSuffix: vma.deletedSuffix,
    unescaped: vma.unescaped,
    kernelPageSize: extra.kernelPageSize,
    rss: extra.rss,
    anonymous: extra.anonymous,
    swap: extra.swap,
    locked: extra.locked,
    anonHugePages: extra.anonHugePages,
    shmemPmdMapped: extra.shmemPmdMapped,
    filePmdMapped: extra.filePmdMapped,
    protectionKey: extra.protectionKey,
    thpEligible: extra.thpEligible,
    vmFlags: extra.vmFlags,
  };
}

/** Keys start with a capital letter, addresses are lower case hex: the first character tells a new mapping. */
function startsMapping(s: ByteScanner): boolean {
  const byte = s.peek();
  return hexDigit(byte) >= 0 && !(byte >= 0x41 && byte <= 0x46);
}

/** All mappings in the order of the file. Throws CR_KERNEL; a mapping without VmFlags or page size is truncated text. */
export function parseSmaps(text: ProcText): SmapsVma[] {
  const s = new ByteScanner(text.bytes, text.path);
  const keys = table(new Map());
  const out: SmapsVma[] = [];
  while (!s.done) {
    const vma = parseVmaLine(s);
    const extra = freshExtra();
    while (!s.done && !startsMapping(s)) if (!keys.line(s, extra)) s.nextLine();
    if (extra.vmFlags.size === 0) s.fail('VmFlags of a mapping');
    if (extra.kernelPageSize === 0) s.fail('KernelPageSize of a mapping');
    out.push(merged(vma, extra));
  }
  return out;
}

/** As readMaps(), with VmFlags. */
export function readSmaps(reader: ProcReader, pid: number, tid?: number): SmapsVma[] | null {
  const text = reader.read(`${taskDir(pid, tid)}/smaps`, SMAPS_LIMIT);
  return text === null ? null : parseSmaps(text);
}
