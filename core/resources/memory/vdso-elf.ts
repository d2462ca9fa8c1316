/** The functions of a vDSO image: its dynamic symbol table (elf(5)). The bytes may come from a hostile image file. */
import { elfHeader, programHeaders, PT } from '../elf.js';

const DT = { end: 0, hash: 4, strtab: 5, symtab: 6, gnuHash: 0x6ffffef5 } as const;
const SYM_SIZE = 24;
const MAX_SYMBOLS = 256;
const MAX_NAME = 128;
const STT_FUNC = 2;

/** Name to offset from the start of the image, of every defined function. Null when this is no 64-bit ELF image with dynamic symbols. */
export function vdsoFunctions(image: Buffer): Map<string, number> | null {
  const header = elfHeader(image);
  if (header?.bits !== 64) return null;
  const headers = programHeaders(image.subarray(header.start, header.start + header.size), header);
  const load = headers.find((h) => h.type === PT.load);
  const dynamic = headers.find((h) => h.type === PT.dynamic);
  if (!load || !dynamic) return null;
  const tags = dynamicTags(image, dynamic.offset, dynamic.size);
  // Addresses are relative to the link address of the first segment (0, or 0xffffffffff700000 long ago).
  const at = (tag: number) => {
    const value = tags.get(tag);
    return value === undefined ? -1 : Number(BigInt.asUintN(64, value - load.vaddr));
  };
  const strtab = at(DT.strtab);
  const symtab = at(DT.symtab);
  if (strtab < 0 || symtab < 0) return null;
  return readSymbols(image, symtab, strtab, symbolCount(image, at(DT.hash), symtab, strtab), load.vaddr);
}

function dynamicTags(image: Buffer, offset: number, size: number): Map<number, bigint> {
  const tags = new Map<number, bigint>();
  for (let at = offset; at + 16 <= Math.min(offset + size, image.length); at += 16) {
    const tag = Number(image.readBigUInt64LE(at));
    if (tag === DT.end) break;
    tags.set(tag, image.readBigUInt64LE(at + 8));
  }
  return tags;
}

/** From the classic hash table; newer vDSOs have only DT_GNU_HASH, and there the string table follows the symbols. */
function symbolCount(image: Buffer, hash: number, symtab: number, strtab: number): number {
  if (hash >= 0 && hash + 8 <= image.length) return Math.min(image.readUInt32LE(hash + 4), MAX_SYMBOLS);
  return strtab > symtab ? Math.min(Math.floor((strtab - symtab) / SYM_SIZE), MAX_SYMBOLS) : 0;
}

function readSymbols(image: Buffer, symtab: number, strtab: number, count: number, base: bigint): Map<string, number> {
  const out = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const at = symtab + i * SYM_SIZE;
    if (at + SYM_SIZE > image.length) break;
    const isFunction = ((image[at + 4] ?? 0) & 0xf) === STT_FUNC;
    const defined = image.readUInt16LE(at + 6) !== 0;
    const name = nameAt(image, strtab + image.readUInt32LE(at));
    const offset = Number(BigInt.asUintN(64, image.readBigUInt64LE(at + 8) - base));
    if (isFunction && defined && name !== '' && offset < image.length) out.set(name, offset);
  }
  return out;
}

function nameAt(image: Buffer, at: number): string {
  if (at >= image.length) return '';
  const end = image.indexOf(0, at);
  return end < 0 || end - at > MAX_NAME ? '' : image.toString('latin1', at, end);
}
