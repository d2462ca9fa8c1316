/** Headers of ELF files and images (elf(5)), little-endian. The bytes may come from anybody: nothing is taken at its word but what fits into them. */
const MAGIC = 0x7f454c46;
const LITTLE_ENDIAN = 1;
/** Real programs have about a dozen. */
const MAX_HEADERS = 64;

export const PT = { load: 1, dynamic: 2, note: 4 } as const;

/** Enough to hold the ELF header of either class. */
export const ELF_HEADER_SIZE = 64;

/** Where the fields are, by EI_CLASS. */
const CLASSES = {
  1: { word: 4, phoff: 28, phentsize: 42, phnum: 44, entry: 32, offset: 4, vaddr: 8, filesz: 16, align: 28 },
  2: { word: 8, phoff: 32, phentsize: 54, phnum: 56, entry: 56, offset: 8, vaddr: 16, filesz: 32, align: 48 },
} as const;

export interface ElfHeader {
  readonly bits: 32 | 64;
  /** Where the program headers begin, and how many bytes of them are to be read. */
  readonly start: number;
  readonly size: number;
}

export interface ProgramHeader {
  /** PT_* */
  readonly type: number;
  /** In the file. */
  readonly offset: number;
  readonly vaddr: bigint;
  /** Bytes in the file. */
  readonly size: number;
  readonly align: number;
}

const layoutOf = (bits: 32 | 64) => CLASSES[bits === 64 ? 2 : 1];

function word(bytes: Buffer, at: number, size: 4 | 8): bigint {
  return size === 8 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at));
}

/** From the first ELF_HEADER_SIZE bytes; null when they are no such header. */
export function elfHeader(bytes: Buffer): ElfHeader | null {
  if (bytes.length < ELF_HEADER_SIZE || bytes.readUInt32BE(0) !== MAGIC || bytes[5] !== LITTLE_ENDIAN) return null;
  const kind = bytes[4];
  if (kind !== 1 && kind !== 2) return null;
  const layout = CLASSES[kind];
  const start = Number(word(bytes, layout.phoff, layout.word));
  if (!Number.isSafeInteger(start) || bytes.readUInt16LE(layout.phentsize) !== layout.entry) return null;
  return { bits: kind === 2 ? 64 : 32, start, size: Math.min(bytes.readUInt16LE(layout.phnum), MAX_HEADERS) * layout.entry };
}

/** @param table what lies at `start` of the header; those that are not whole are left out. */
export function programHeaders(table: Buffer, { bits }: ElfHeader): ProgramHeader[] {
  const layout = layoutOf(bits);
  const out: ProgramHeader[] = [];
  for (let at = 0; at + layout.entry <= table.length; at += layout.entry)
    out.push({
      type: table.readUInt32LE(at),
      offset: Number(word(table, at + layout.offset, layout.word)),
      vaddr: word(table, at + layout.vaddr, layout.word),
      size: Number(word(table, at + layout.filesz, layout.word)),
      align: Number(word(table, at + layout.align, layout.word)),
    });
  return out;
}
