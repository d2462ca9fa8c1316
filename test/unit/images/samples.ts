/** Messages with chosen and with random contents, for every type of the schema. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MessageType, type EnumType, type Field } from '../../../core/images/message.js';

/** Deterministic 32-bit numbers (xorshift). */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % Math.max(below, 1);
  };
}

export type Next = ReturnType<typeof random>;

const GENERATED = join(import.meta.dirname, '../../../core/images/generated');

/** Every message type there is, by the module that holds it. */
export async function allTypes(): Promise<MessageType<object>[]> {
  const types: MessageType<object>[] = [];
  for (const name of readdirSync(GENERATED).filter((file) => file.endsWith('.js'))) {
    const module = (await import(join(GENERATED, name))) as Record<string, unknown>;
    for (const value of Object.values(module)) if (value instanceof MessageType) types.push(value as MessageType<object>);
  }
  return types;
}

const U32 = [0, 1, 127, 128, 16384, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const S32 = [0, 1, -1, 63, -64, 0x7fff_ffff, -0x8000_0000];
const U64 = [
  0n,
  1n,
  127n,
  1n << 31n,
  0xffff_ffffn,
  1n << 32n,
  (1n << 53n) - 1n,
  1n << 53n,
  (1n << 53n) + 1n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
];
const S64 = [0n, 1n, -1n, 1n << 32n, -(1n << 32n), (1n << 63n) - 1n, -(1n << 63n), -(1n << 53n) - 1n];
/** The third is not UTF-8 in the file: bytes ff and c3. */
const TEXTS = ['', 'plain', 'caf\udcc3\udcff/x', 'größe \u{1F600}', 'line\nbreak\0', '0x10', '9007199254740993', '"\\'];
const BYTES = [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(255, 61, 32, 10), new Uint8Array(200).fill(7)];

/** Values of a scalar or enum field that lie at its borders. */
export function borderValues(field: Field): readonly unknown[] {
  switch (field.scalar) {
    case 'uint32':
      return U32;
    case 'int32':
    case 'sint32':
      return S32;
    case 'uint64':
    case 'fixed64':
      return U64;
    case 'int64':
    case 'sint64':
      return S64;
    case 'bool':
      return [false, true];
    case 'string':
      return TEXTS;
    case 'bytes':
      return BYTES;
    case 'enum':
      return Object.values((field.type as EnumType).values);
    case 'message':
      return [];
  }
}

function valueOf(field: Field, next: Next, depth: number): unknown {
  if (field.scalar === 'message') return randomMessage(field.type as MessageType<object>, next, depth + 1);
  const values = borderValues(field);
  return values[next(values.length)];
}

/** A message whose optional fields are there or not by chance. Types that hold themselves end after a few levels. */
export function randomMessage(type: MessageType<object>, next: Next, depth = 0): object {
  const message: Record<string, unknown> = {};
  for (const field of type.plan.fields) {
    if (field.rule === 'repeated') message[field.name] = Array.from({ length: depth > 4 ? 0 : next(4) }, () => valueOf(field, next, depth));
    else if (field.rule === 'required' || (depth <= 6 && next(2) === 0)) message[field.name] = valueOf(field, next, depth);
  }
  return message;
}
