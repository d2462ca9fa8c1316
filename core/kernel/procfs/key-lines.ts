/** Text of the form `Key:<blanks>value`, one per line (status, smaps, fdinfo). Keys are compared as bytes, so unknown ones cost no string. */
import { type ByteScanner } from './scanner.js';

const COLON = 0x3a;
const NEWLINE = 0x0a;

/** Gets the scanner behind the blanks after the colon. What it leaves of the line is skipped; it must not go past the end of the line. */
export type LineHandler<T> = (scanner: ByteScanner, into: T) => void;

interface Entry<T> {
  readonly key: Buffer;
  readonly handle: LineHandler<T>;
}

function hashStep(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) >>> 0;
}

function hashOf(key: Uint8Array): number {
  let hash = 0;
  for (const byte of key) hash = hashStep(hash, byte);
  return hash;
}

function equal(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== key.length) return false;
  for (let i = 0; i < key.length; i++) if (bytes[start + i] !== key[i]) return false;
  return true;
}

/** Handlers by key. */
export class KeyTable<T> {
  private readonly entries = new Map<number, Entry<T>>();

  /** Throws RangeError if two keys have the same hash: a mistake of the table, found when the module is loaded. */
  constructor(handlers: Readonly<Record<string, LineHandler<T>>>) {
    for (const [name, handle] of Object.entries(handlers)) {
      const key = Buffer.from(name);
      const hash = hashOf(key);
      if (this.entries.has(hash)) throw new RangeError(`hash of key ${name} is taken`);
      this.entries.set(hash, { key, handle });
    }
  }

  /**
   * Handles the line at the scanner and goes to the next one. Returns false, with the scanner still at the start of the line, if its key is
   * not in the table or it has none. Throws CR_KERNEL for a line without newline.
   */
  line(scanner: ByteScanner, into: T): boolean {
    const start = scanner.pos;
    const end = scanner.lineEnd();
    const { bytes } = scanner;
    let hash = 0;
    let at = start;
    for (let byte = bytes[at] ?? NEWLINE; byte !== COLON && at < end; byte = bytes[++at] ?? NEWLINE) hash = hashStep(hash, byte);
    if (at === end) return false;
    const entry = this.entries.get(hash);
    if (entry === undefined || !equal(entry.key, bytes, start, at)) return false;
    scanner.pos = at + 1;
    scanner.spaces();
    entry.handle(scanner, into);
    scanner.pos = end + 1;
    return true;
  }

  /** Handles all lines; unknown ones are ignored, because every kernel version adds some. */
  lines(scanner: ByteScanner, into: T): void {
    while (!scanner.done) if (!this.line(scanner, into)) scanner.nextLine();
  }
}

/** `   12 kB` as bytes. */
export function kilobytes(scanner: ByteScanner): number {
  return scanner.dec('a size in kB') * 1024;
}
