/**
 * Forms of single values in readable text: names of bits and numbers, addresses, device numbers, binary data. Names and forms are those of crit
 * (criu.md section 3.7), so that text made by one program is read by the other.
 */
import { isIPv4, isIPv6 } from 'node:net';

type BitNames = readonly (readonly [string, bigint])[];

/** Bits by the name of the table in core/images/schema (option `flags`), in the order in which they are written. */
const FLAG_TABLES: Readonly<Record<string, BitNames>> = {
  'mmap.prot': bits({ PROT_READ: 0x1, PROT_WRITE: 0x2, PROT_EXEC: 0x4 }),
  'mmap.flags': bits({ MAP_SHARED: 0x1, MAP_PRIVATE: 0x2, MAP_DROPPABLE: 0x8, MAP_ANON: 0x20, MAP_GROWSDOWN: 0x100 }),
  'mmap.status': bits({
    VMA_AREA_REGULAR: 1,
    VMA_AREA_STACK: 2 ** 1,
    VMA_AREA_VSYSCALL: 2 ** 2,
    VMA_AREA_VDSO: 2 ** 3,
    VMA_AREA_HEAP: 2 ** 5,
    VMA_FILE_PRIVATE: 2 ** 6,
    VMA_FILE_SHARED: 2 ** 7,
    VMA_ANON_SHARED: 2 ** 8,
    VMA_ANON_PRIVATE: 2 ** 9,
    VMA_AREA_SYSVIPC: 2 ** 10,
    VMA_AREA_SOCKET: 2 ** 11,
    VMA_AREA_VVAR: 2 ** 12,
    VMA_AREA_AIORING: 2 ** 13,
    VMA_AREA_MEMFD: 2 ** 14,
    VMA_AREA_SHSTK: 2 ** 15,
    VMA_AREA_UPROBES: 2 ** 17,
    VMA_UNSUPP: 2 ** 31,
  }),
  // Of x86-64, as crit shows them whatever architecture an image is from: arm64 has O_DIRECT, O_LARGEFILE, O_DIRECTORY and O_NOFOLLOW elsewhere.
  'rfile.flags': bits({
    O_WRONLY: 0o1,
    O_RDWR: 0o2,
    O_CREAT: 0o100,
    O_EXCL: 0o200,
    O_NOCTTY: 0o400,
    O_TRUNC: 0o1000,
    O_APPEND: 0o2000,
    O_NONBLOCK: 0o4000,
    O_DSYNC: 0o10000,
    FASYNC: 0o20000,
    O_DIRECT: 0o40000,
    O_LARGEFILE: 0o100000,
    O_DIRECTORY: 0o200000,
    O_NOFOLLOW: 0o400000,
    O_NOATIME: 0o1000000,
    O_CLOEXEC: 0o2000000,
  }),
  'pmap.flags': bits({ PE_PARENT: 1, PE_LAZY: 2, PE_PRESENT: 4 }),
  'seals.flags': bits({ F_SEAL_SEAL: 1, F_SEAL_SHRINK: 2, F_SEAL_GROW: 4, F_SEAL_WRITE: 8, F_SEAL_FUTURE_WRITE: 0x10 }),
};

/** Bits that crit has no name for and could not read back by name: written in listings only, read everywhere. */
const MORE_FLAGS: Readonly<Record<string, BitNames>> = {
  'mmap.flags': bits({ MAP_HUGETLB: 0x40000, MAP_STACK: 0x20000, MAP_LOCKED: 0x2000, MAP_NORESERVE: 0x4000 }),
  'mmap.status': bits({ VMA_AREA_GUARD: 2 ** 16, VMA_EXT_PLUGIN: 2 ** 27 }),
  'rfile.flags': bits({ O_PATH: 0o10000000 }),
};

/**
 * Names of numbers by table (option `dict`) and field. For task_state crit's names of 3 and 6 are swapped; files made by it say the same, so its
 * text form needs them. Listings use TASK_STATES.
 */
const DICTS: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>> = {
  gen: { task_state: { Alive: 1, Zombie: 3, Stopped: 6 } },
  sk: {
    family: { UNIX: 1, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17 },
    type: { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5, PACKET: 10 },
    state: {
      ESTABLISHED: 1,
      SYN_SENT: 2,
      SYN_RECV: 3,
      FIN_WAIT1: 4,
      FIN_WAIT2: 5,
      TIME_WAIT: 6,
      CLOSE: 7,
      CLOSE_WAIT: 8,
      LAST_ACK: 9,
      LISTEN: 10,
    },
    proto: { IP: 0, TCP: 6, UDP: 17, UDPLITE: 136 },
  },
};

/** What the states in core images mean (criu.md section 3.7). */
export const TASK_STATES: Readonly<Record<number, string>> = { 1: 'alive', 2: 'dead', 3: 'stopped', 6: 'zombie' };

function bits(names: Readonly<Record<string, number>>): BitNames {
  return Object.entries(names).map(([name, value]) => [name, BigInt(value)]);
}

/** Hexadecimal, the sign in front. */
export function hexText(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** `A | B | 0x40`: known bits by name, the rest in hex. `all` adds the names that crit cannot read, and writes no bits as 0 where crit writes nothing. */
export function flagText(table: string, value: bigint, all = false): string {
  const names = FLAG_TABLES[table];
  if (names === undefined) return hexText(value);
  const parts: string[] = [];
  let rest = value;
  for (const [name, bit] of all ? [...names, ...(MORE_FLAGS[table] ?? [])] : names) {
    if ((value & bit) === 0n) continue;
    parts.push(name);
    rest &= ~bit;
  }
  if (rest !== 0n) parts.push(hexText(rest));
  return parts.length === 0 && all ? '0' : parts.join(' | ');
}

/** Reads flagText; undefined when a word is neither a known name nor a number. */
export function parseFlags(table: string, text: string): bigint | undefined {
  if (text.trim() === '') return 0n;
  const names = new Map([...(FLAG_TABLES[table] ?? []), ...(MORE_FLAGS[table] ?? [])]);
  // The name that crit has for no bit at all.
  names.set('VMA_AREA_NONE', 0n);
  let value = 0n;
  for (const word of text.split('|')) {
    const bit = names.get(word.trim()) ?? parseInteger(word.trim());
    if (bit === undefined) return undefined;
    value |= bit;
  }
  return value;
}

/** Decimal or 0x hexadecimal, with an optional sign. */
export function parseInteger(text: string): bigint | undefined {
  const match = /^(-?)(0x[0-9a-f]{1,32}|\d{1,40})$/i.exec(text);
  if (match === null) return undefined;
  const value = BigInt(match[2] as string);
  return match[1] === '-' ? -value : value;
}

/** Name of a number, undefined when it has none. */
export function dictText(dict: string, field: string, value: number): string | undefined {
  for (const [name, number] of Object.entries(DICTS[dict]?.[field] ?? {})) if (number === value) return name;
  return undefined;
}

export function parseDict(dict: string, field: string, name: string): bigint | undefined {
  const names = DICTS[dict]?.[field] ?? {};
  return Object.hasOwn(names, name) ? BigInt(names[name] as number) : parseInteger(name);
}

const KERNEL_MINOR_BITS = 20n;

/** `major:minor`. `user` is for numbers encoded as stat(2) gives them (makedev(3)); otherwise major << 20 | minor. */
export function devText(value: bigint, user: boolean): string {
  if (!user) return `${value >> KERNEL_MINOR_BITS}:${value & ((1n << KERNEL_MINOR_BITS) - 1n)}`;
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn);
  return `${major}:${(value & 0xffn) | ((value >> 12n) & 0xffffff00n)}`;
}

export function parseDev(text: string, user: boolean): bigint | undefined {
  const match = /^(\d{1,10}):(\d{1,10})$/.exec(text);
  if (match === null) return parseInteger(text);
  const major = BigInt(match[1] as string);
  const minor = BigInt(match[2] as string);
  if (!user) return (major << KERNEL_MINOR_BITS) | minor;
  return ((major & 0xfffn) << 8n) | ((major & ~0xfffn) << 32n) | (minor & 0xffn) | ((minor & ~0xffn) << 12n);
}

/** Words in network byte order, as the kernel keeps addresses: one word for IPv4, four for IPv6. Undefined for any other number of words. */
export function ipText(words: readonly number[]): string | undefined {
  const raw = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => raw.writeUInt32LE(word, i * 4));
  if (words.length === 1) return [...raw].join('.');
  if (words.length !== 4) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) => raw.readUInt16BE(i * 2).toString(16));
  return compress(groups);
}

/** RFC 5952: the first longest run of at least two zero groups becomes `::`. */
function compress(groups: readonly string[]): string {
  let best = { at: -1, length: 1 };
  for (let at = 0; at < groups.length; at++) {
    let length = 0;
    while (groups[at + length] === '0') length++;
    if (length > best.length) best = { at, length };
  }
  if (best.at < 0) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}

export function parseIp(text: string): number[] | undefined {
  const raw = isIPv4(text) ? Buffer.from(text.split('.').map(Number)) : isIPv6(text) ? ipv6Bytes(text) : undefined;
  if (raw === undefined) return undefined;
  return Array.from({ length: raw.length / 4 }, (_, i) => raw.readUInt32LE(i * 4));
}

/** Precondition: isIPv6(text). */
function ipv6Bytes(text: string): Buffer | undefined {
  if (text.includes('%')) return undefined;
  // A dotted tail stands for the last two groups.
  const dotted = /[\d.]+\.\d+$/.exec(text);
  const tail = dotted === null ? [] : Buffer.from(dotted[0].split('.').map(Number));
  const groupsOf = (part: string): number[] =>
    part
      .split(':')
      .filter(Boolean)
      .flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]);
  const [head, rest] = (dotted === null ? text : text.slice(0, -dotted[0].length)).split('::');
  const before = groupsOf(head ?? '');
  const after = [...groupsOf(rest ?? ''), ...tail];
  return Buffer.from([...before, ...new Array<number>(16 - before.length - after.length).fill(0), ...after]);
}

const PREVIEW = 32;

/** Length and first bytes in hex, for listings. */
export function bytesPreview(data: Uint8Array): string {
  const hex = Buffer.from(data.subarray(0, PREVIEW)).toString('hex');
  return `${data.length} bytes${hex === '' ? '' : ` ${hex}`}${data.length > PREVIEW ? '...' : ''}`;
}

/** RFC 2045 line length, counted as Python's base64.encodebytes does it. */
export const BASE64_BYTES_PER_LINE = 57;

/** Base64 with a line break after every 76 characters and at the end. */
export function base64Text(data: Uint8Array): string {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  return text.replace(/.{1,76}/g, '$&\n');
}

/** Undefined when the text is not base64. White space is allowed anywhere. */
export function parseBase64(text: string): Buffer | undefined {
  const dense = text.replace(/[\t\n\r ]+/g, '');
  if (dense.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(dense)) return undefined;
  return Buffer.from(dense, 'base64');
}

const LINE = 76;

/** Quoted-printable text (RFC 2045 section 6.7). Line breaks in the data are quoted too: the text is one value, not lines. */
export function quotedText(data: Uint8Array): string {
  let text = '';
  let column = 0;
  data.forEach((byte, i) => {
    const blankAtEnd = (byte === 0x20 || byte === 0x09) && i === data.length - 1;
    const plain = (byte > 0x20 && byte < 0x7f && byte !== 0x3d) || ((byte === 0x20 || byte === 0x09) && !blankAtEnd);
    const word = plain ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    if (column + word.length >= LINE) {
      text += '=\n';
      column = 0;
    }
    text += word;
    column += word.length;
  });
  return text;
}

export function parseQuoted(text: string): Buffer | undefined {
  const joined = text.replace(/=\r?\n/g, '');
  if (/[^\x00-\x7f]/.test(joined) || /=(?![0-9A-Fa-f]{2})/.test(joined)) return undefined;
  return Buffer.from(
    joined.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
}
