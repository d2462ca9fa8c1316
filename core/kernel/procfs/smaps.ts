/** /proc/PID/smaps: mappings with VmFlags (proc_pid_smaps(5)). Eight to ten times dearer than maps: read it before the freeze where possible. */
import { kilobytes } from './key-lines.js';
import { parseVmaLine, type Vma } from './maps.js';
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner } from './scanner.js';

/** A mapping and what only smaps knows. Sizes in bytes. */
export interface SmapsVma extends Vma {
  /** Page size of the mapping (hugetlb differs from 4096). */
  readonly kernelPageSize: number;
  readonly rss: number;
  /** Protection key (pkeys(7)); 0 as well where the system has none. */
  readonly protectionKey: number;
  /** Two-letter codes of VmFlags (kernel-tasks.md, "VmFlags letters"); codes that are newer than this program are in it too. */
  readonly vmFlags: ReadonlySet<string>;
}

type Extra = { -readonly [K in Exclude<keyof SmapsVma, keyof Vma>]: SmapsVma[K] };

/** 65,530 mappings, the usual limit, give 47 MiB; distributions that raise it to a million stay below this. */
const SMAPS_LIMIT = 1024 * 1024 * 1024;

const NO_FLAGS: ReadonlySet<string> = new Set();
const FLAGS = 'VmFlags:';
const LAST_LINE = Buffer.from(`\n${FLAGS}`);
/** Where there are keys, the line before it (arch_pkeys_enabled() in show_smap). */
const KEY_LINE = 'ProtectionKey:';
const NEWLINE = 0x0a;
/** What one mapping has at most, with room for many new lines; today's have 700 bytes. */
const ENTRY_LIMIT = 8192;

/** Sets by their text: thousands of mappings share a handful. */
type FlagSets = Map<string, ReadonlySet<string>>;

function flagSet(sets: FlagSets, line: string): ReadonlySet<string> {
  const known = sets.get(line);
  if (known !== undefined) return known;
  const set = new Set(line.split(' ').filter((code) => code !== ''));
  sets.set(line, set);
  return set;
}

/** Takes one of the lines before the flags. */
function sizeLine(s: ByteScanner, extra: Extra): void {
  if (s.tryWord('KernelPageSize:')) {
    s.spaces();
    extra.kernelPageSize = kilobytes(s);
  } else if (s.tryWord('Rss:')) {
    s.spaces();
    extra.rss = kilobytes(s);
  }
  s.nextLine();
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
    protectionKey: extra.protectionKey,
    vmFlags: extra.vmFlags,
  };
}

/**
 * Goes to the flags. Every mapping has them, as its last line (fs/proc/task_mmu.c, show_smap), and of the twenty lines before only the first few count:
 * reading all of them would take most of the time of a walk.
 */
function toFlags(s: ByteScanner, extra: Extra): void {
  // The newline before is that of the line just read.
  const at = s.bytes.indexOf(LAST_LINE, s.pos - 1);
  if (at < 0 || at - s.pos > ENTRY_LIMIT) s.fail('VmFlags of a mapping');
  const first = s.pos;
  s.pos = Math.max(first, s.bytes.lastIndexOf(NEWLINE, at - 1) + 1);
  if (s.pos < at && s.tryWord(KEY_LINE)) {
    s.spaces();
    extra.protectionKey = s.dec('a protection key');
  }
  s.pos = at + 1;
}

/** All mappings in the order of the file. Throws CR_KERNEL; a mapping without VmFlags or page size is truncated text. */
export function parseSmaps(text: ProcText): SmapsVma[] {
  const s = new ByteScanner(text.bytes, text.path);
  const sets: FlagSets = new Map();
  const out: SmapsVma[] = [];
  while (!s.done) {
    const vma = parseVmaLine(s);
    const extra: Extra = { kernelPageSize: 0, rss: -1, protectionKey: 0, vmFlags: NO_FLAGS };
    // Size, KernelPageSize, MMUPageSize, Rss.
    while (extra.rss < 0) sizeLine(s, extra);
    toFlags(s, extra);
    s.word(FLAGS);
    s.spaces();
    extra.vmFlags = flagSet(sets, s.restOfLine());
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
