/** Reading cells: what verifier, model and text form share. */
import { CELL, CELL_SIZE } from './isa.js';

export interface CellWords {
  readonly op: number;
  /** Operand kinds, one of isa.ts KIND each. */
  readonly kinds: readonly number[];
  readonly policy: number;
  readonly aux: number;
  readonly nr: number;
  readonly result: bigint;
  /** Signed 64-bit. */
  readonly args: readonly bigint[];
}

export const ARG_COUNT = 6;

export function readCell(view: DataView, index: number, start = 0): CellWords {
  const at = start + index * CELL_SIZE;
  const kinds = view.getUint16(at + CELL.kinds, true);
  const args: bigint[] = [];
  for (let i = 0; i < ARG_COUNT; i++) args.push(view.getBigInt64(at + CELL.args + 8 * i, true));
  return {
    op: view.getUint16(at + CELL.op, true),
    kinds: args.map((_, i) => (kinds >> (2 * i)) & 3),
    policy: view.getUint8(at + CELL.policy),
    aux: view.getUint8(at + CELL.aux),
    nr: view.getUint16(at + CELL.nr, true),
    result: view.getBigInt64(at + CELL.result, true),
    args,
  };
}

export function writeCell(view: DataView, index: number, cell: CellWords, start = 0): void {
  const at = start + index * CELL_SIZE;
  view.setUint16(at + CELL.op, cell.op, true);
  view.setUint16(
    at + CELL.kinds,
    cell.kinds.reduce((bits, kind, i) => bits | (kind << (2 * i)), 0),
    true,
  );
  view.setUint8(at + CELL.policy, cell.policy);
  view.setUint8(at + CELL.aux, cell.aux);
  view.setUint16(at + CELL.nr, cell.nr, true);
  view.setBigInt64(at + CELL.result, cell.result, true);
  cell.args.forEach((arg, i) => view.setBigInt64(at + CELL.args + 8 * i, BigInt.asIntN(64, arg), true));
}
