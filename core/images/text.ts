/**
 * Messages as JSON values in crit's form, and back (criu.md section 3.7). What crit would drop is kept under names of our own:
 * `unknown_fields` in a message.
 */
import { CrError } from '../errors.js';
import * as form from './display.js';
import { SHOW_HINTS } from './generated/hints.js';
import type { Json, JsonObject } from './json.js';
import { UNKNOWN, type EnumType, type Field, type MessageBase, type MessageType, type ShowHint, type UnknownField } from './message.js';

/** How numbers look: `exact` as numbers, `pretty` with crit's names, `listing` with all names that we know. */
export type NumberStyle = 'exact' | 'pretty' | 'listing';

const UNKNOWN_KEY = 'unknown_fields';
const MAX_DEPTH = 100;
const NO_HINTS: Readonly<Record<string, ShowHint>> = {};

function hintOf(type: MessageType<object>, field: Field): ShowHint {
  return (SHOW_HINTS[type.name] ?? NO_HINTS)[field.name] ?? {};
}

/** Keys in the order of the field numbers; absent fields and empty arrays have none. */
export function messageToJson(type: MessageType<object>, message: object, style: NumberStyle, hex = false): JsonObject {
  const values = message as Readonly<Record<string, unknown>>;
  const out: Record<string, Json> = {};
  for (const field of type.plan.fields) {
    const value = values[field.name];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    const hint = hintOf(type, field);
    if (field.rule !== 'repeated') out[field.name] = valueToJson(field, hint, value, style, hex);
    else out[field.name] = listToJson(field, hint, value as readonly unknown[], style, hex);
  }
  const unknown = (message as MessageBase)[UNKNOWN];
  if (unknown !== undefined) out[UNKNOWN_KEY] = unknown.map(({ number, raw }) => ({ number, raw: form.base64Text(raw) }));
  return out;
}

function listToJson(field: Field, hint: ShowHint, list: readonly unknown[], style: NumberStyle, hex: boolean): Json {
  const address = style !== 'exact' && hint.ipadd === true ? form.ipText(list as readonly number[]) : undefined;
  return address === undefined ? list.map((value) => valueToJson(field, hint, value, style, hex)) : [address];
}

function valueToJson(field: Field, hint: ShowHint, value: unknown, style: NumberStyle, hex: boolean): Json {
  switch (field.scalar) {
    case 'message':
      return messageToJson(field.type as MessageType<object>, value as object, style, hex || hint.hex === true);
    case 'bytes':
      if (hint.conv === 'unix_name') return form.quotedText(value as Uint8Array);
      return style === 'listing' ? form.bytesPreview(value as Uint8Array) : form.base64Text(value as Uint8Array);
    case 'enum':
      return nameOf(field.type as EnumType, value as number) ?? (value as number);
    case 'string':
      return value as string;
    case 'bool':
      return value as boolean;
    default:
      return style === 'exact' ? (value as number | bigint) : numberText(field, hint, value as number | bigint, style, hex);
  }
}

function nameOf(type: EnumType, value: number): string | undefined {
  for (const [name, number] of Object.entries(type.values)) if (number === value) return name;
  return undefined;
}

function numberText(field: Field, hint: ShowHint, value: number | bigint, style: NumberStyle, hex: boolean): Json {
  if (hex || hint.hex === true) return form.hexText(BigInt(value));
  if (hint.dev === true) return form.devText(BigInt(value), hint.odev === true);
  if (hint.flags !== undefined) return form.flagText(hint.flags, BigInt(value), style === 'listing');
  if (hint.dict === undefined) return value;
  if (style === 'listing' && field.name === 'task_state') return form.TASK_STATES[Number(value)] ?? value;
  return form.dictText(hint.dict, field.name, Number(value)) ?? value;
}

/** Where in the JSON we are, for error messages. */
export type JsonPath = readonly (string | number)[];

/** Error about a value in JSON. */
export function badJson(path: JsonPath, message: string, cause?: unknown): CrError {
  const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  return new CrError('CR_IMAGE_BAD', { message: `${place.replace(/^\./, '')}: ${message}`, hint: 'Mend the JSON text.', cause });
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The message in a JSON value, all styles accepted. `reserved` are keys that belong to somebody else. Throws CR_IMAGE_BAD with the place. */
export function messageFromJson(type: MessageType<object>, json: unknown, path: JsonPath, reserved: readonly string[] = []): object {
  if (!isObject(json)) throw badJson(path, `must be an object with the fields of ${type.name}`);
  if (path.length > MAX_DEPTH * 2) throw badJson(path, 'is nested too deep');
  const names = new Map(type.plan.fields.map((field) => [field.name, field]));
  const message: Record<string, unknown> & MessageBase = {};
  for (const [key, value] of Object.entries(json)) {
    if (reserved.includes(key)) continue;
    const here = [...path, key];
    const field = names.get(key);
    if (field !== undefined) message[key] = fieldFromJson(type, field, value, here);
    else if (key === UNKNOWN_KEY) message[UNKNOWN] = unknownFromJson(value, here);
    else throw badJson(here, `${type.name} has no such field`);
  }
  return message;
}

function fieldFromJson(type: MessageType<object>, field: Field, json: unknown, path: JsonPath): unknown {
  const hint = hintOf(type, field);
  if (field.rule !== 'repeated') return valueFromJson(field, hint, json, path);
  if (!Array.isArray(json)) throw badJson(path, 'must be an array');
  const list = json as readonly unknown[];
  if (hint.ipadd === true && typeof list[0] === 'string' && form.parseInteger(list[0]) === undefined) {
    const words = form.parseIp(list[0]);
    if (words === undefined || list.length > 1) throw badJson(path, 'is not an IP address');
    return words;
  }
  return list.map((value, i) => valueFromJson(field, hint, value, [...path, i]));
}

function valueFromJson(field: Field, hint: ShowHint, json: unknown, path: JsonPath): unknown {
  switch (field.scalar) {
    case 'message':
      return messageFromJson(field.type as MessageType<object>, json, path);
    case 'bytes':
      return bytesFromJson(json, hint.conv === 'unix_name', path);
    case 'string':
      if (typeof json !== 'string') throw badJson(path, 'must be a string');
      return json;
    case 'bool':
      if (typeof json !== 'boolean') throw badJson(path, 'must be true or false');
      return json;
    case 'enum':
      return enumFromJson(field.type as EnumType, json, path);
    default:
      return numberFromJson(field, hint, json, path);
  }
}

/** Bytes of a value that holds base64 or, for socket names, quoted-printable text. */
export function bytesFromJson(json: unknown, quoted: boolean, path: JsonPath): Uint8Array {
  const bytes = typeof json !== 'string' ? undefined : quoted ? form.parseQuoted(json) : form.parseBase64(json);
  if (bytes === undefined) throw badJson(path, `must be ${quoted ? 'quoted-printable' : 'base64'} text`);
  return bytes;
}

function enumFromJson(type: EnumType, json: unknown, path: JsonPath): number {
  if (typeof json === 'string' && Object.hasOwn(type.values, json)) return type.values[json] as number;
  if (typeof json === 'number') return json;
  throw badJson(path, `${JSON.stringify(json)} is not one of ${Object.keys(type.values).join(', ')}`);
}

function numberFromJson(field: Field, hint: ShowHint, json: unknown, path: JsonPath): number | bigint {
  const value =
    typeof json === 'number' && Number.isSafeInteger(json)
      ? BigInt(json)
      : typeof json === 'string'
        ? parseText(field, hint, json)
        : undefined;
  if (value === undefined) throw badJson(path, `${JSON.stringify(json)} is not a ${field.scalar} number`);
  if (field.scalar.endsWith('64')) return value;
  // What does not fit is refused when the message is encoded.
  return Number(value);
}

function parseText(field: Field, hint: ShowHint, text: string): bigint | undefined {
  if (hint.dev === true) return form.parseDev(text, hint.odev === true);
  if (hint.flags !== undefined) return form.parseFlags(hint.flags, text);
  if (hint.dict !== undefined) return form.parseDict(hint.dict, field.name, text);
  return form.parseInteger(text);
}

function unknownFromJson(json: unknown, path: JsonPath): UnknownField[] {
  if (!Array.isArray(json)) throw badJson(path, 'must be an array');
  const fields = (json as readonly unknown[]).map((member, i): UnknownField => {
    if (!isObject(member) || typeof member['number'] !== 'number') throw badJson([...path, i], 'must be { "number": ..., "raw": ... }');
    return { number: member['number'], raw: bytesFromJson(member['raw'], false, [...path, i, 'raw']) };
  });
  return fields.sort((a, b) => a.number - b.number);
}
