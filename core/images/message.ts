/**
 * Image messages: the field tables that core/images/generated holds, and encoding and decoding by them. One small interpreter of tables instead
 * of code per message: it is warm after the first record, and every bound is checked in one place.
 */
import type { ErrorCode } from '../errors.js';
import { decodeMessage } from './decode.js';
import { encodeMessage } from './encode.js';
import type { SharedParts } from './shared-parts.js';
import { WIRE_BYTES, WIRE_FIXED64, WIRE_VARINT } from './wire.js';

export type ScalarType = 'uint32' | 'int32' | 'sint32' | 'uint64' | 'int64' | 'sint64' | 'fixed64' | 'bool' | 'string' | 'bytes';

/** Names of an enum's values. Image files hold the numbers; crit's JSON holds the names. */
export interface EnumType {
  readonly enum: string;
  readonly values: Readonly<Record<string, number>>;
}

export type FieldRule = 'required' | 'optional' | 'repeated';
export type FieldType = ScalarType | EnumType | MessageType<object>;
/** Number, name, rule and type, as in the schema. */
export type FieldSpec = readonly [number, string, FieldRule, FieldType];

/** How a field is shown in readable text: the options of core/images/schema/options.proto. They never reach the wire. */
export interface ShowHint {
  readonly hex?: boolean;
  readonly ipadd?: boolean;
  readonly flags?: string;
  readonly dev?: boolean;
  readonly odev?: boolean;
  readonly dict?: string;
  readonly conv?: string;
}

/** A field that our schema does not know, as it stood in the file: tag and value. */
export interface UnknownField {
  readonly number: number;
  readonly raw: Uint8Array;
}

/** Key under which a decoded message carries its unknown fields; a symbol, so that it never meets a field name and spreads along. */
export const UNKNOWN: unique symbol = Symbol('unknown fields');

/** Base of every generated message interface. */
export interface MessageBase {
  [UNKNOWN]?: readonly UnknownField[];
}

/** Where bytes came from, for error messages, and how strictly to read them. */
export interface DecodeOptions {
  readonly path?: string;
  /** Offset of the first byte in that file. */
  readonly offset?: number;
  /** Keep enum numbers that we have no name for, instead of refusing them. For showing foreign images only. */
  readonly lenient?: boolean;
  /** Messages inside that are equal to earlier ones are those, and frozen. */
  readonly shared?: SharedParts;
}

/** A field with everything that encoding and decoding need, worked out once per message. */
export interface Field {
  readonly number: number;
  readonly name: string;
  readonly rule: FieldRule;
  readonly type: FieldType;
  readonly scalar: ScalarType | 'enum' | 'message';
  readonly wire: number;
  /** number << 3 | wire */
  readonly tag: number;
  /** Numbers of an enum, empty for other types. */
  readonly known: ReadonlySet<number>;
  /** Short cut for its values. */
  readonly quick: Quick;
}

/** Single numbers, for which encoding and decoding have short cuts: most fields are such. */
export const QUICK = { none: 0, uint32: 1, uint64: 2 } as const;
export type Quick = (typeof QUICK)[keyof typeof QUICK];

export interface Plan {
  /** Ascending by number. */
  readonly fields: readonly Field[];
  readonly byNumber: ReadonlyMap<number, Field>;
  /** Fields that are no arrays, by their tag where that is below QUICK_TAGS. */
  readonly byTag: readonly (Field | undefined)[];
  readonly required: readonly Field[];
  readonly repeated: readonly Field[];
  /** Keys of all required fields: a copy of it has the right shape at once, which takes less time than growing into it. */
  readonly blank: Readonly<Record<string, undefined>>;
}

/** Tags below have at most two bytes, and a table of them stays small. */
export const QUICK_TAGS = 0x400;

function scalarOf(type: FieldType): Field['scalar'] {
  if (typeof type === 'string') return type;
  return type instanceof MessageType ? 'message' : 'enum';
}

function wireOf(scalar: Field['scalar']): number {
  if (scalar === 'string' || scalar === 'bytes' || scalar === 'message') return WIRE_BYTES;
  return scalar === 'fixed64' ? WIRE_FIXED64 : WIRE_VARINT;
}

const NO_NUMBERS: ReadonlySet<number> = new Set();

function fieldOf([number, name, rule, type]: FieldSpec): Field {
  const scalar = scalarOf(type);
  const wire = wireOf(scalar);
  const known = typeof type !== 'string' && 'enum' in type ? new Set(Object.values(type.values)) : NO_NUMBERS;
  const tag = ((number << 3) | wire) >>> 0;
  const quick = rule === 'repeated' || tag >= QUICK_TAGS || (scalar !== 'uint32' && scalar !== 'uint64') ? QUICK.none : QUICK[scalar];
  return { number, name, rule, type, scalar, wire, tag, known, quick };
}

function planOf(specs: readonly FieldSpec[]): Plan {
  const fields = specs.map(fieldOf).sort((a, b) => a.number - b.number);
  const required = fields.filter(({ rule }) => rule === 'required');
  const byTag: (Field | undefined)[] = [];
  for (const field of fields) if (field.rule !== 'repeated' && field.tag < QUICK_TAGS) byTag[field.tag] = field;
  return {
    fields,
    byNumber: new Map(fields.map((field) => [field.number, field])),
    byTag,
    required,
    repeated: fields.filter(({ rule }) => rule === 'repeated'),
    blank: Object.fromEntries(required.map(({ name }) => [name, undefined])),
  };
}

/** One message of the schema. `T` is the generated interface of the same name. */
export class MessageType<T extends object> {
  readonly name: string;
  readonly #specs: () => readonly FieldSpec[];
  private planned: Plan | undefined;

  /** `specs` is a function because messages refer to each other, and because most messages are never used in one run. */
  constructor(name: string, specs: () => readonly FieldSpec[]) {
    this.name = name;
    this.#specs = specs;
  }

  get plan(): Plan {
    return (this.planned ??= planOf(this.#specs()));
  }

  /**
   * Bytes of a message: fields ascending, every value that is present written (zero too), unknown fields where their number says.
   * `ahead` bytes in front of it are left for the caller to fill.
   * Throws CrError with `code` that names message and field when a required field is missing or a value does not fit its type.
   */
  encode(message: T, code: ErrorCode = 'CR_INTERNAL', ahead = 0): Buffer {
    return encodeMessage(this, message, code, ahead);
  }

  /**
   * The message in `bytes`. Throws CrError CR_IMAGE_BAD with the offset when the bytes are no such message, CR_IMAGE_FEATURE for an enum
   * value that our schema does not have.
   */
  decode(bytes: Uint8Array, options: DecodeOptions = {}): T {
    return decodeMessage(this, bytes, options) as T;
  }
}
