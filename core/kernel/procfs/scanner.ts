/**
 * Reads /proc text byte by byte: for 15,000 mappings this takes 7 ms where split() and regular expressions take 95 (vm-findings.md, section 9).
 * No method reads past the text, and everything unexpected is a CrError with path and byte offset.
 */
import { CrError } from '../../errors.js';
import { decodeText } from './text.js';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const MINUS = 0x2d;
const ZERO = 0x30;
const U64_MAX = 0xffff_ffff_ffff_ffffn;
/** Up to this many decimal digits a Number is exact. */
const SAFE_DECIMAL_DIGITS = 15;

/** Value of a hex digit as the kernel prints it, -1 for anything else. */
export function hexDigit(byte: number): number {
  if (byte >= ZERO && byte <= 0x39) return byte - ZERO;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  return byte >= 0x41 && byte <= 0x46 ? byte - 0x37 : -1;
}

export class ByteScanner {
  pos = 0;
  readonly end: number;
  readonly bytes: Buffer;

  /** `path` is only for error messages. */
  constructor(
    bytes: Uint8Array,
    readonly path: string,
  ) {
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.length;
  }

  get done(): boolean {
    return this.pos >= this.end;
  }

  /** The next byte without consuming it, -1 at the end. */
  peek(): number {
    return this.pos < this.end ? (this.bytes[this.pos] ?? -1) : -1;
  }

  /** Throws CR_KERNEL: the text is not what this kernel interface is documented to give. */
  fail(expected: string): never {
    throw new CrError('CR_KERNEL', {
      message: this.done ? `the text ends where ${expected} should be` : `${expected} expected`,
      subject: { path: this.path, offset: this.pos },
      hint: 'The kernel gave text that is not understood: please report it with `uname -r` and that file.',
    });
  }

  /** Consumes one given character. */
  byte(code: number): void {
    if (this.peek() !== code) this.fail(`"${String.fromCharCode(code)}"`);
    this.pos++;
  }

  /** Consumes the given ASCII word. */
  word(text: string): void {
    for (let i = 0; i < text.length; i++)
      if (this.bytes[this.pos + i] !== text.charCodeAt(i) || this.pos + i >= this.end) this.fail(`"${text}"`);
    this.pos += text.length;
  }

  /** True, and consumed, if the given ASCII word comes next. */
  tryWord(text: string): boolean {
    if (this.pos + text.length > this.end) return false;
    for (let i = 0; i < text.length; i++) if (this.bytes[this.pos + i] !== text.charCodeAt(i)) return false;
    this.pos += text.length;
    return true;
  }

  /** Skips blanks and tabs. */
  spaces(): void {
    for (let c = this.peek(); c === SPACE || c === TAB; c = this.peek()) this.pos++;
  }

  /** Index of the newline that ends this line. A last line without one is truncated text. */
  lineEnd(): number {
    const { bytes, end } = this;
    // Lines are short: this loop is faster than the call into native code that indexOf() is.
    for (let at = this.pos; at < end; at++) if (bytes[at] === NEWLINE) return at;
    this.pos = end;
    return this.fail('a newline');
  }

  /** Goes to the start of the next line. */
  nextLine(): void {
    this.pos = this.lineEnd() + 1;
  }

  /** Text from here to the end of the line; the newline is consumed. */
  restOfLine(): string {
    const end = this.lineEnd();
    const text = decodeText(this.bytes, this.pos, end);
    this.pos = end + 1;
    return text;
  }

  /** Text up to the next blank, tab or newline (not consumed); fails when empty. */
  token(what: string): string {
    const start = this.pos;
    for (let c = this.peek(); c !== SPACE && c !== TAB && c !== NEWLINE && c !== -1; c = this.peek()) this.pos++;
    if (this.pos === start) this.fail(what);
    return decodeText(this.bytes, start, this.pos);
  }

  /** Unsigned decimal, at most 2^53-1. */
  dec(what: string): number {
    let value = 0;
    const start = this.pos;
    for (let d = this.peek() - ZERO; d >= 0 && d <= 9; d = this.peek() - ZERO) {
      value = value * 10 + d;
      this.pos++;
    }
    if (this.pos === start || value > Number.MAX_SAFE_INTEGER) this.fail(what);
    return value;
  }

  /** Decimal with optional minus sign. */
  int(what: string): number {
    if (this.peek() !== MINUS) return this.dec(what);
    this.pos++;
    return -this.dec(what);
  }

  /** Unsigned octal, at most 2^53-1. */
  oct(what: string): number {
    let value = 0;
    const start = this.pos;
    for (let d = this.peek() - ZERO; d >= 0 && d <= 7; d = this.peek() - ZERO) {
      value = value * 8 + d;
      this.pos++;
    }
    if (this.pos === start || value > Number.MAX_SAFE_INTEGER) this.fail(what);
    return value;
  }

  /** Unsigned hexadecimal, at most 2^53-1. */
  hex(what: string): number {
    const value = this.page(what);
    if (value > Number.MAX_SAFE_INTEGER) this.fail(what);
    return value;
  }

  /**
   * Hexadecimal address or offset of a page. Exact up to 2^64 although it is a Number: the low 12 bits of a page address are zero, so at
   * most 52 bits are significant. A larger number that is not page aligned fails.
   */
  page(what: string): number {
    let value = 0;
    const start = this.pos;
    for (let d = hexDigit(this.peek()); d >= 0; d = hexDigit(this.peek())) {
      value = value * 16 + d;
      this.pos++;
    }
    if (this.pos === start || this.pos - start > 16) this.fail(what);
    // The digits and not `value` tell whether it is aligned: an inexact value has lost exactly those bits.
    if (value > Number.MAX_SAFE_INTEGER && this.bytes.toString('latin1', this.pos - 3, this.pos) !== '000') this.fail(what);
    return value;
  }

  /** Unsigned decimal up to 2^64-1. */
  bigDec(what: string): bigint {
    const start = this.pos;
    let value = 0;
    for (let d = this.peek() - ZERO; d >= 0 && d <= 9; d = this.peek() - ZERO) {
      value = value * 10 + d;
      this.pos++;
    }
    const digits = this.pos - start;
    if (digits === 0 || digits > 20) this.fail(what);
    if (digits <= SAFE_DECIMAL_DIGITS) return BigInt(value);
    const big = BigInt(this.bytes.toString('latin1', start, this.pos));
    if (big > U64_MAX) this.fail(what);
    return big;
  }

  /** Decimal with optional minus sign, -2^63 .. 2^64-1. */
  bigInt(what: string): bigint {
    if (this.peek() !== MINUS) return this.bigDec(what);
    this.pos++;
    const value = this.bigDec(what);
    if (value > 1n << 63n) this.fail(what);
    return -value;
  }

  /** Unsigned hexadecimal up to 2^64-1. */
  bigHex(what: string): bigint {
    const start = this.pos;
    let [high, low] = [0, 0];
    for (let d = hexDigit(this.peek()); d >= 0; d = hexDigit(this.peek())) {
      high = ((high << 4) | (low >>> 28)) >>> 0;
      low = ((low << 4) | d) >>> 0;
      this.pos++;
    }
    const digits = this.pos - start;
    if (digits === 0 || digits > 16) this.fail(what);
    return high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low);
  }

  /** A process or thread id: 1 .. PID_MAX_LIMIT (4194304, include/linux/threads.h). */
  pid(what: string): number {
    const value = this.dec(what);
    if (value < 1 || value > PID_MAX) this.fail(what);
    return value;
  }
}

/** No kernel gives out larger ids: PID_MAX_LIMIT on 64-bit, include/linux/threads.h. */
export const PID_MAX = 4 * 1024 * 1024;
