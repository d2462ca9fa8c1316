/**
 * File names are bytes, JavaScript strings are not: a name that is not UTF-8 must survive the way from /proc to an image and back. Bytes that
 * are not part of a valid UTF-8 sequence become the lone surrogates U+DC80..U+DCFF (the scheme of PEP 383), and encodeText() turns them back.
 */

const ESCAPE_BASE = 0xdc00;
const ESCAPED = /[\u{DC80}-\u{DCFF}]/u;
const REPLACEMENT = '\uFFFD';
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

function decodeOne(bytes: Uint8Array, at: number, end: number): { text: string; length: number } {
  const lead = bytes[at] ?? 0;
  const length = sequenceLength(lead);
  if (length > 0 && at + length <= end) {
    try {
      return { text: strictDecoder.decode(bytes.subarray(at, at + length)), length };
    } catch {
      // Not a sequence: the byte stands for itself.
    }
  }
  return { text: String.fromCharCode(ESCAPE_BASE + lead), length: 1 };
}

function decodeEscaped(bytes: Uint8Array, start: number, end: number): string {
  let out = '';
  for (let at = start; at < end;) {
    const one = decodeOne(bytes, at, end);
    out += one.text;
    at += one.length;
  }
  return out;
}

/** Bytes `start`..`end` as text; lossless, see encodeText(). */
export function decodeText(bytes: Buffer, start = 0, end = bytes.length): string {
  let high = 0;
  for (let i = start; i < end; i++) high |= bytes[i] ?? 0;
  if (high < 0x80) return bytes.toString('latin1', start, end);
  const text = bytes.toString('utf8', start, end);
  // A real U+FFFD in the text takes the slow way too and comes out the same.
  return text.includes(REPLACEMENT) ? decodeEscaped(bytes, start, end) : text;
}

/** The bytes that decodeText() was given. Use it for every path from /proc that goes back into a system call or an image. */
export function encodeText(text: string): Buffer {
  if (!ESCAPED.test(text)) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - ESCAPE_BASE]) : Buffer.from(char, 'utf8'));
  }
  return Buffer.concat(parts);
}

/** True when the text came from bytes that are not UTF-8. */
export function hasRawBytes(text: string): boolean {
  return ESCAPED.test(text);
}

/** Replaces `\ooo` (three octal digits, 0..377) by the byte it stands for; other backslashes stay. Works on bytes: an escape may be part of a UTF-8 sequence. */
export function unescapeOctal(bytes: Uint8Array, start: number, end: number): Buffer {
  const out = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let at = start; at < end;) {
    const code = octalEscape(bytes, at, end);
    out[length++] = code < 0 ? (bytes[at] ?? 0) : code;
    at += code < 0 ? 1 : 4;
  }
  return out.subarray(0, length);
}

function octalEscape(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== 0x5c || at + 4 > end) return -1;
  let code = 0;
  for (let i = 1; i <= 3; i++) {
    const digit = (bytes[at + i] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) return -1;
    code = code * 8 + digit;
  }
  return code <= 0xff ? code : -1;
}
