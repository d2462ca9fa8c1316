/** Pieces of an arena: what programs point to and results are read from. */
import {
  FIELD_SIZE,
  STRUCTS,
  layoutOf,
  type FieldName,
  type FieldType,
  type FieldValue,
  type FieldValues,
  type StructName,
} from '../abi/structs.js';
import { CrError } from '../errors.js';
import type { Arena } from './arena.js';
import { KIND } from './isa.js';

/** An operand that is read when the cell runs. */
export class Operand {
  constructor(
    readonly kind: number,
    readonly value: number,
  ) {}
}

/** A piece of the arena. As an argument it is its address. */
export class Ptr {
  constructor(
    readonly arena: Arena,
    readonly offset: number,
    readonly size: number,
  ) {}

  get addr(): number {
    return this.arena.addr(this.offset);
  }
  /** Address `by` bytes further. */
  at(by: number): number {
    return this.addr + by;
  }
  /** The 32-bit word there, read when the cell runs, sign-extended. */
  word32(by = 0): Operand {
    return new Operand(KIND.word32, this.at(by));
  }
  word64(by = 0): Operand {
    return new Operand(KIND.word64, this.at(by));
  }
  u8(by = 0): number {
    return this.arena.view.getUint8(this.offset + by);
  }
  u16(by = 0): number {
    return this.arena.view.getUint16(this.offset + by, true);
  }
  u32(by = 0): number {
    return this.arena.view.getUint32(this.offset + by, true);
  }
  i32(by = 0): number {
    return this.arena.view.getInt32(this.offset + by, true);
  }
  u64(by = 0): bigint {
    return this.arena.view.getBigUint64(this.offset + by, true);
  }
  i64(by = 0): bigint {
    return this.arena.view.getBigInt64(this.offset + by, true);
  }
  /** A 64-bit value that is known to be below 2^53, such as an address. */
  num(by = 0): number {
    return this.u32(by) + this.u32(by + 4) * 2 ** 32;
  }
  setU32(by: number, value: number): this {
    this.arena.view.setUint32(this.offset + by, value >>> 0, true);
    return this;
  }
  setU64(by: number, value: bigint | number): this {
    writeWord(this.arena.view, this.offset + by, value);
    return this;
  }
  /** The first `length` bytes: a view, which dies with the mapping. */
  bytes(length = this.size): Uint8Array {
    return this.arena.bytes.subarray(this.offset, this.offset + length);
  }
  /** A copy of the bytes (a view would die with the mapping). */
  copy(from = 0, length = this.size - from): Buffer {
    return Buffer.from(this.arena.bytes.subarray(this.offset + from, this.offset + from + length));
  }
  set(bytes: Uint8Array, at = 0): this {
    if (at + bytes.length > this.size) throw new CrError('CR_INTERNAL', { message: 'write past the end of an arena piece' });
    this.arena.bytes.set(bytes, this.offset + at);
    return this;
  }
  /** The structure that lies `by` bytes further. */
  as<S extends StructName>(type: S, by = 0): StructPtr<S> {
    return new StructPtr(this.arena, this.offset + by, type);
  }
}

/** A kernel structure in an arena (core/abi/structs.ts). System calls that want another one do not take it. */
export class StructPtr<S extends StructName> extends Ptr {
  constructor(
    arena: Arena,
    offset: number,
    readonly type: S,
  ) {
    super(arena, offset, STRUCTS[type].size);
  }

  /** Writes fields; the others stay as they are (zero in fresh memory). */
  put(values: FieldValues<S>): this {
    // Without entries and without taking pairs apart: structures are written by the thousand while a tree is frozen.
    const { fields } = layoutOf(this.type);
    for (const name in values) {
      const field = fields[name as FieldName<S>]!;
      const value = values[name as FieldName<S>]!;
      const at = field[0];
      if (field[1] === 'u64') this.setU64(at, value);
      else if (FIELD_SIZE[field[1]] === 4) this.setU32(at, Number(value));
      else this.arena.view.setUint16(this.offset + at, Number(value) & 0xffff, true);
    }
    return this;
  }

  /** A field: bigint when it has 64 bits, else a number. */
  get<F extends FieldName<S>>(name: F): FieldValue<S, F> {
    const [at, type] = this.field(name);
    return READ[type](this, at) as FieldValue<S, F>;
  }
  /** A 64-bit field that is known to be below 2^53. */
  number(name: FieldName<S>): number {
    return this.num(this.field(name)[0]);
  }
  addrOf(name: FieldName<S>): number {
    return this.at(this.field(name)[0]);
  }

  private field(name: FieldName<S>): readonly [at: number, type: FieldType] {
    return layoutOf(this.type).fields[name]!;
  }
}

const READ: Readonly<Record<FieldType, (p: Ptr, at: number) => number | bigint>> = {
  u16: (p, at) => p.u16(at),
  i16: (p, at) => p.arena.view.getInt16(p.offset + at, true),
  u32: (p, at) => p.u32(at),
  i32: (p, at) => p.i32(at),
  u64: (p, at) => p.u64(at),
};

/** A 64-bit word; numbers are exact up to 2^53. */
export function writeWord(view: DataView, at: number, value: number | bigint): void {
  if (typeof value === 'bigint') {
    view.setBigUint64(at, BigInt.asUintN(64, value), true);
    return;
  }
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32) >>> 0, true);
}
