/** Images as text for people: names for flags and states, one line for what fits on one. Contents are hostile and never reach a terminal raw. */
import type { ImageFile } from './container.js';
import { recordsOf, recordToJson } from './image-json.js';
import { jsonString, RawData, type Json, type JsonObject } from './json.js';
import type { ImageKind } from './kind.js';

const WIDTH = 140;

/** Text that a terminal shows as it is; anything else as a JSON string. */
export function safeText(text: string): string {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) ? text : jsonString(text);
}

/** Lines of an image: a header, then every record. Throws CrError as the reader does. */
export function* imageLines(file: ImageFile, kind: ImageKind): Generator<string> {
  let index = 0;
  for (const record of recordsOf(file, kind)) {
    const json = recordToJson(file, kind, index, record, 'listing');
    if (kind.single) yield* memberLines(json, '  ');
    else yield* elementLines(json, '  ', `[${index}]`);
    index++;
  }
}

function scalarText(value: Json): string | undefined {
  if (value instanceof RawData) return `${value.span.length} bytes`;
  if (typeof value === 'string') return safeText(value);
  return typeof value === 'object' ? undefined : value.toString();
}

/** `1 2 0 (x14)`: neighbours that are equal are counted. Undefined when there is a list or an object inside. */
function listText(list: readonly Json[]): string | undefined {
  const parts: { text: string; times: number }[] = [];
  for (const member of list) {
    const text = scalarText(member);
    if (text === undefined) return undefined;
    const last = parts.at(-1);
    if (last?.text === text) last.times++;
    else parts.push({ text, times: 1 });
  }
  return parts.map(({ text, times }) => (times === 1 ? text : `${text} (x${times})`)).join(' ');
}

function flatText(value: Json): string | undefined {
  return Array.isArray(value) ? listText(value as readonly Json[]) : scalarText(value);
}

/** All members on one line, when all are plain and they fit. */
function inlineText(object: JsonObject, room: number): string | undefined {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(object)) {
    const text = scalarText(value);
    if (text === undefined) return undefined;
    parts.push(`${key}=${text}`);
    room -= key.length + text.length + 2;
    if (room < 0) return undefined;
  }
  return parts.join(' ');
}

function* memberLines(object: JsonObject, margin: string): Generator<string> {
  for (const [key, value] of Object.entries(object)) {
    const flat = flatText(value);
    if (flat !== undefined) yield* wrapped(`${margin}${key}: `, flat);
    else if (Array.isArray(value))
      for (const [i, member] of (value as readonly Json[]).entries()) yield* elementLines(member, margin, `${key}[${i}]`);
    else yield* elementLines(value, margin, key);
  }
}

function* elementLines(value: Json, margin: string, name: string): Generator<string> {
  const flat = flatText(value);
  const inline = flat ?? inlineText(value as JsonObject, WIDTH - margin.length - name.length);
  if (inline !== undefined) yield `${margin}${name}: ${inline}`;
  else {
    yield `${margin}${name}:`;
    yield* memberLines(value as JsonObject, `${margin}  `);
  }
}

/** Long lists of numbers go on below their first line. */
function* wrapped(head: string, text: string): Generator<string> {
  const margin = ' '.repeat(head.length);
  let start = head;
  let rest = text;
  while (start.length + rest.length > WIDTH) {
    const cut = rest.lastIndexOf(' ', WIDTH - start.length);
    if (cut <= 0) break;
    yield start + rest.slice(0, cut);
    rest = rest.slice(cut + 1);
    start = margin;
  }
  yield start + rest;
}
