/** JSON with whole 64-bit numbers, written in pieces: an image may hold more raw data than a string can. */
import { base64Text, BASE64_BYTES_PER_LINE } from './display.js';
import type { ImageFile, Span } from './container.js';

/** Raw data that stays in its file until it is written out as base64. */
export class RawData {
  constructor(
    readonly file: ImageFile,
    readonly span: Span,
  ) {}

  /** All of it. Precondition: the caller knows that it is small. */
  bytes(): Buffer {
    return Buffer.from(this.file.bytes(this.span.offset, this.span.length));
  }

  /** Base64 in pieces that end with a line. */
  *base64(): Generator<string> {
    const { offset, length } = this.span;
    const step = BASE64_BYTES_PER_LINE * 4096;
    for (let done = 0; done < length; done += step) yield base64Text(this.file.bytes(offset + done, Math.min(step, length - done)));
  }
}

export type Json = boolean | number | bigint | string | RawData | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** As Python's json.dumps writes it: ASCII only, so that any terminal and any reader takes it. */
export function jsonString(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Pieces of the text of `value`. `indent` is the number of spaces a level, 0 for everything on one line. */
export function* jsonPieces(value: Json, indent: number, level = 0): Generator<string> {
  if (value instanceof RawData) {
    yield '"';
    for (const piece of value.base64()) yield piece.replaceAll('\n', '\\n');
    yield '"';
  } else if (typeof value === 'string') yield jsonString(value);
  else if (typeof value !== 'object') yield value.toString();
  else if (isList(value))
    yield* membersPieces(
      '[',
      value.map((member) => ['', member]),
      ']',
      indent,
      level,
    );
  else
    yield* membersPieces(
      '{',
      Object.entries(value).map(([key, member]) => [`${jsonString(key)}: `, member]),
      '}',
      indent,
      level,
    );
}

function isList(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}

function* membersPieces(
  open: string,
  members: readonly (readonly [string, Json])[],
  close: string,
  indent: number,
  level: number,
): Generator<string> {
  if (members.length === 0) {
    yield open + close;
    return;
  }
  const line = (depth: number): string => (indent === 0 ? '' : `\n${' '.repeat(indent * depth)}`);
  yield open + line(level + 1);
  for (const [i, [key, member]] of members.entries()) {
    if (i > 0) yield indent === 0 ? ', ' : `,${line(level + 1)}`;
    yield key;
    yield* jsonPieces(member, indent, level + 1);
  }
  yield line(level) + close;
}

/**
 * Parses JSON; integers that a double could not hold exactly come as strings of digits. Throws SyntaxError with the position.
 * @param text whole document
 */
export function parseJson(text: string): unknown {
  // First as it is: an error then names a position in the text that the user has.
  const plain: unknown = JSON.parse(text);
  const exact = text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (token) => (token.startsWith('"') ? token : `"${token}"`));
  if (exact === text) return plain;
  const withDigits: unknown = JSON.parse(exact);
  return withDigits;
}
