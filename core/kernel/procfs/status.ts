/** /proc/PID/status: the facts that exist nowhere else as text (proc_pid_status(5); fs/proc/array.c, proc_pid_status). 13 us per task in the kernel. */
import { KeyTable, kilobytes } from './key-lines.js';
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner } from './scanner.js';

/** Real, effective, saved, file system. */
export type IdSet = readonly [real: number, effective: number, saved: number, fs: number];

/** Capability sets, bit N is capability N. */
export interface CapSets {
  readonly inheritable: bigint;
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
}

/** Signal sets, bit N-1 is signal N. */
export interface SignalSets {
  /** Pending for this thread, for the process. */
  readonly pending: bigint;
  readonly sharedPending: bigint;
  readonly blocked: bigint;
  readonly ignored: bigint;
  readonly caught: bigint;
  /** Queued signals of the real user and the limit on them. */
  readonly queued: number;
  readonly queueLimit: bigint;
}

/** Memory sizes in bytes. */
export interface VmSizes {
  readonly peak: number;
  readonly size: number;
  readonly locked: number;
  readonly pinned: number;
  readonly rss: number;
  readonly rssAnon: number;
  readonly rssFile: number;
  readonly rssShmem: number;
  readonly data: number;
  readonly stack: number;
  readonly exe: number;
  readonly lib: number;
  readonly pageTables: number;
  readonly swap: number;
}

export interface Status {
  /** Name with `\n` and `\\` unescaped. */
  readonly name: string;
  /** Null for a zombie. */
  readonly umask: number | null;
  /** One letter, as in stat. */
  readonly state: string;
  readonly tgid: number;
  readonly pid: number;
  /** 0 when the parent is outside the reader's pid namespace. */
  readonly ppid: number;
  /** Who traces it, 0 when nobody does (or somebody outside the namespace). */
  readonly tracerPid: number;
  readonly uids: IdSet;
  readonly gids: IdSet;
  readonly groups: readonly number[];
  /** Ids in the reader's pid namespace first, then in each nested one; empty when the kernel has no pid namespaces. */
  readonly nsTgid: readonly number[];
  readonly nsPid: readonly number[];
  readonly nsPgid: readonly number[];
  readonly nsSid: readonly number[];
  /** True for a kernel thread; null before Linux 6.7. */
  readonly kthread: boolean | null;
  readonly threads: number;
  readonly signals: SignalSets;
  readonly caps: CapSets;
  readonly noNewPrivs: boolean;
  /** 0 off, 1 strict, 2 filters. */
  readonly seccomp: number;
  /** Null before Linux 5.9. */
  readonly seccompFilters: number | null;
  /** False after PR_SET_THP_DISABLE; null when not shown. */
  readonly thpEnabled: boolean | null;
  /** `shstk`, `wrss`; what is locked of them. Empty when not shown. */
  readonly x86ThreadFeatures: readonly string[];
  readonly x86ThreadFeaturesLocked: readonly string[];
  readonly speculationStoreBypass: string | null;
  readonly speculationIndirectBranch: string | null;
  /** Null for zombies and kernel threads. */
  readonly vm: VmSizes | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Values as they are met; what is undefined at the end was not in the text. */
interface Draft extends Partial<Mutable<Omit<Status, 'signals' | 'caps' | 'vm'>>> {
  signals: Partial<Mutable<SignalSets>>;
  caps: Partial<Mutable<CapSets>>;
  vm: Mutable<VmSizes>;
  hasVm: boolean;
}

/** 65,536 groups (NGROUPS_MAX) of up to 11 characters, and the rest. */
const STATUS_LIMIT = 1024 * 1024;
const GROUPS_MAX = 65_536;
/** Levels of pid namespaces: MAX_PID_NS_LEVEL (include/linux/pid_namespace.h), and the first one. */
const NS_LEVELS_MAX = 33;
const NEWLINE = 0x0a;

function idSet(s: ByteScanner): IdSet {
  const next = (): number => {
    s.spaces();
    return s.dec('a user or group id');
  };
  return [next(), next(), next(), next()];
}

function numbers(s: ByteScanner, max: number): number[] {
  const out: number[] = [];
  for (s.spaces(); s.peek() !== NEWLINE; s.spaces()) {
    if (out.length === max) s.fail(`at most ${max} numbers`);
    out.push(s.dec('a number'));
  }
  return out;
}

function words(s: ByteScanner): string[] {
  return s
    .restOfLine()
    .split(' ')
    .filter((word) => word !== '');
}

function unescapeName(text: string): string {
  return text.includes('\\') ? text.replace(/\\([n\\])/g, (_all, c: string) => (c === 'n' ? '\n' : '\\')) : text;
}

/** The only value that may itself start with a blank or a tab: it begins right behind the one tab that the kernel writes. */
function nameLine(s: ByteScanner): string {
  s.pos = s.bytes.subarray(0, s.pos).lastIndexOf(NEWLINE) + 1;
  s.word('Name:\t');
  return unescapeName(s.restOfLine());
}

function signalQueue(s: ByteScanner, d: Draft): void {
  d.signals.queued = s.dec('queued signals');
  s.byte(0x2f);
  d.signals.queueLimit = s.bigDec('the limit on queued signals');
}

function vmKey(key: keyof VmSizes): (s: ByteScanner, d: Draft) => void {
  return (s, d) => {
    d.vm[key] = kilobytes(s);
    d.hasVm = true;
  };
}

const KEYS = new KeyTable<Draft>({
  Name: (s, d) => (d.name = nameLine(s)),
  Umask: (s, d) => (d.umask = s.oct('a umask')),
  State: (s, d) => (d.state = s.token('a state').slice(0, 1)),
  // 0 in a task that is being released: readStatus takes it for gone.
  Tgid: (s, d) => (d.tgid = s.dec('a tgid')),
  Pid: (s, d) => (d.pid = s.pid('a pid')),
  PPid: (s, d) => (d.ppid = s.dec('a pid')),
  TracerPid: (s, d) => (d.tracerPid = s.dec('a pid')),
  Uid: (s, d) => (d.uids = idSet(s)),
  Gid: (s, d) => (d.gids = idSet(s)),
  Groups: (s, d) => (d.groups = numbers(s, GROUPS_MAX)),
  NStgid: (s, d) => (d.nsTgid = numbers(s, NS_LEVELS_MAX)),
  NSpid: (s, d) => (d.nsPid = numbers(s, NS_LEVELS_MAX)),
  NSpgid: (s, d) => (d.nsPgid = numbers(s, NS_LEVELS_MAX)),
  NSsid: (s, d) => (d.nsSid = numbers(s, NS_LEVELS_MAX)),
  Kthread: (s, d) => (d.kthread = s.dec('0 or 1') !== 0),
  Threads: (s, d) => (d.threads = s.dec('a number of threads')),
  SigQ: signalQueue,
  SigPnd: (s, d) => (d.signals.pending = s.bigHex('a signal set')),
  ShdPnd: (s, d) => (d.signals.sharedPending = s.bigHex('a signal set')),
  SigBlk: (s, d) => (d.signals.blocked = s.bigHex('a signal set')),
  SigIgn: (s, d) => (d.signals.ignored = s.bigHex('a signal set')),
  SigCgt: (s, d) => (d.signals.caught = s.bigHex('a signal set')),
  CapInh: (s, d) => (d.caps.inheritable = s.bigHex('a capability set')),
  CapPrm: (s, d) => (d.caps.permitted = s.bigHex('a capability set')),
  CapEff: (s, d) => (d.caps.effective = s.bigHex('a capability set')),
  CapBnd: (s, d) => (d.caps.bounding = s.bigHex('a capability set')),
  CapAmb: (s, d) => (d.caps.ambient = s.bigHex('a capability set')),
  NoNewPrivs: (s, d) => (d.noNewPrivs = s.dec('0 or 1') !== 0),
  Seccomp: (s, d) => (d.seccomp = s.dec('a seccomp mode')),
  Seccomp_filters: (s, d) => (d.seccompFilters = s.dec('a number of filters')),
  THP_enabled: (s, d) => (d.thpEnabled = s.dec('0 or 1') !== 0),
  x86_Thread_features: (s, d) => (d.x86ThreadFeatures = words(s)),
  x86_Thread_features_locked: (s, d) => (d.x86ThreadFeaturesLocked = words(s)),
  Speculation_Store_Bypass: (s, d) => (d.speculationStoreBypass = s.restOfLine()),
  SpeculationIndirectBranch: (s, d) => (d.speculationIndirectBranch = s.restOfLine()),
  VmPeak: vmKey('peak'),
  VmSize: vmKey('size'),
  VmLck: vmKey('locked'),
  VmPin: vmKey('pinned'),
  VmRSS: vmKey('rss'),
  RssAnon: vmKey('rssAnon'),
  RssFile: vmKey('rssFile'),
  RssShmem: vmKey('rssShmem'),
  VmData: vmKey('data'),
  VmStk: vmKey('stack'),
  VmExe: vmKey('exe'),
  VmLib: vmKey('lib'),
  VmPTE: vmKey('pageTables'),
  VmSwap: vmKey('swap'),
});

function noVm(): Mutable<VmSizes> {
  const file = { rssAnon: 0, rssFile: 0, rssShmem: 0, data: 0, stack: 0, exe: 0, lib: 0 };
  return { peak: 0, size: 0, locked: 0, pinned: 0, rss: 0, ...file, pageTables: 0, swap: 0 };
}

function signalsOf(s: ByteScanner, d: Draft['signals']): SignalSets {
  return {
    pending: d.pending ?? s.fail('SigPnd'),
    sharedPending: d.sharedPending ?? s.fail('ShdPnd'),
    blocked: d.blocked ?? s.fail('SigBlk'),
    ignored: d.ignored ?? s.fail('SigIgn'),
    caught: d.caught ?? s.fail('SigCgt'),
    queued: d.queued ?? s.fail('SigQ'),
    queueLimit: d.queueLimit ?? s.fail('SigQ'),
  };
}

function capsOf(s: ByteScanner, d: Draft['caps']): CapSets {
  return {
    inheritable: d.inheritable ?? s.fail('CapInh'),
    permitted: d.permitted ?? s.fail('CapPrm'),
    effective: d.effective ?? s.fail('CapEff'),
    bounding: d.bounding ?? s.fail('CapBnd'),
    ambient: d.ambient ?? s.fail('CapAmb'),
  };
}

/** Throws CR_KERNEL when a line that every supported kernel (5.10) gives is missing; lines of newer kernels are ignored. */
export function parseStatus(text: ProcText): Status {
  const s = new ByteScanner(text.bytes, text.path);
  const d: Draft = { signals: {}, caps: {}, vm: noVm(), hasVm: false };
  KEYS.lines(s, d);
  return {
    name: d.name ?? s.fail('Name'),
    umask: d.umask ?? null,
    state: d.state ?? s.fail('State'),
    tgid: d.tgid ?? s.fail('Tgid'),
    pid: d.pid ?? s.fail('Pid'),
    ppid: d.ppid ?? s.fail('PPid'),
    tracerPid: d.tracerPid ?? s.fail('TracerPid'),
    uids: d.uids ?? s.fail('Uid'),
    gids: d.gids ?? s.fail('Gid'),
    groups: d.groups ?? s.fail('Groups'),
    nsTgid: d.nsTgid ?? [],
    nsPid: d.nsPid ?? [],
    nsPgid: d.nsPgid ?? [],
    nsSid: d.nsSid ?? [],
    kthread: d.kthread ?? null,
    threads: d.threads ?? s.fail('Threads'),
    signals: signalsOf(s, d.signals),
    caps: capsOf(s, d.caps),
    noNewPrivs: d.noNewPrivs ?? s.fail('NoNewPrivs'),
    seccomp: d.seccomp ?? 0,
    seccompFilters: d.seccompFilters ?? null,
    thpEnabled: d.thpEnabled ?? null,
    x86ThreadFeatures: d.x86ThreadFeatures ?? [],
    x86ThreadFeaturesLocked: d.x86ThreadFeaturesLocked ?? [],
    speculationStoreBypass: d.speculationStoreBypass ?? null,
    speculationIndirectBranch: d.speculationIndirectBranch ?? null,
    vm: d.hasVm ? d.vm : null,
  };
}

const SHARED_PENDING = '\nShdPnd:';

/** The text of it, valid until the reader reads again. Null when the task is gone. */
export function readStatusText(reader: ProcReader, pid: number, tid?: number): ProcText | null {
  return reader.read(`${taskDir(pid, tid)}/status`, STATUS_LIMIT, true);
}

/** ShdPnd alone: signals that wait for whichever thread of the process takes them first. Throws CR_KERNEL. */
export function sharedPendingOf(text: ProcText): bigint {
  const s = new ByteScanner(text.bytes, text.path);
  s.pos = Math.max(0, s.bytes.indexOf(SHARED_PENDING) + 1);
  s.word(SHARED_PENDING.slice(1));
  s.spaces();
  return s.bigHex('a signal set');
}

/** The same of a process; null when it is gone. */
export function readSharedPending(reader: ProcReader, pid: number): bigint | null {
  const text = readStatusText(reader, pid);
  return text === null ? null : sharedPendingOf(text);
}

/** status of a process or, with `tid`, of a thread. Null when it is gone. */
export function readStatus(reader: ProcReader, pid: number, tid?: number): Status | null {
  const text = readStatusText(reader, pid, tid);
  if (text === null) return null;
  const status = parseStatus(text);
  return status.tgid === 0 ? null : status;
}
