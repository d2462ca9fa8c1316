/** Memory as 32-bit words, the lower half of a 64-bit one first: both architectures are little-endian. Faster than a DataView, which is called for each. */
import { CELL, CELL_SIZE } from './isa.js';

/** Size of a cell, and places in it, in words. */
export const CELL_WORDS = CELL_SIZE / 4;
export const RESULT_WORD = CELL.result / 4;
export const ARG_WORD = CELL.args / 4;

const TWO_32 = 2 ** 32;

/** @param bytes memory that begins at a multiple of 4 */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
}

/** Writes a 64-bit number at the word `at`; exact up to 2^53. */
export function putNumber(words: Uint32Array, at: number, value: number): void {
  words[at] = value;
  words[at + 1] = value >= 0 && value < TWO_32 ? 0 : Math.floor(value / TWO_32);
}

/** Writes the low 64 bits at the word `at`. */
export function putLong(words: Uint32Array, at: number, value: bigint): void {
  long[0] = value;
  words[at] = halves[0]!;
  words[at + 1] = halves[1]!;
}

const long = new BigUint64Array(1);
const halves = new Uint32Array(long.buffer);
