/** /proc/PID/auxv: what the kernel told the program at exec (getauxval(3)). */
import { CrError } from '../../errors.js';
import { type ProcReader, type ProcText, taskDir } from './reader.js';

export interface AuxEntry {
  /** AT_* */
  readonly type: bigint;
  readonly value: bigint;
}

const AUXV_LIMIT = 16 * 1024;

/**
 * All pairs with the final AT_NULL. `wordBytes` is 4 for a 32-bit program. Empty text (older kernels, for tasks without memory) gives none. Throws CR_KERNEL for a size that
 * is no whole number of pairs and for a vector without AT_NULL.
 */
export function parseAuxv(text: ProcText, wordBytes: 4 | 8 = 8): AuxEntry[] {
  const { bytes, path } = text;
  if (bytes.length === 0) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number): bigint => (wordBytes === 8 ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true)));
  const out: AuxEntry[] = [];
  for (let at = 0; at + 2 * wordBytes <= bytes.length; at += 2 * wordBytes) out.push({ type: word(at), value: word(at + wordBytes) });
  if (bytes.length % (2 * wordBytes) !== 0 || out.at(-1)?.type !== 0n) {
    throw new CrError('CR_KERNEL', { message: 'the auxiliary vector does not end with AT_NULL', subject: { path, offset: bytes.length } });
  }
  return out;
}

/** Null when the process is gone, and for zombies and kernel threads (ESRCH since about Linux 6.15, empty before). */
export function readAuxv(reader: ProcReader, pid: number, wordBytes: 4 | 8 = 8): AuxEntry[] | null {
  const text = reader.read(`${taskDir(pid)}/auxv`, AUXV_LIMIT);
  return text === null ? null : parseAuxv(text, wordBytes);
}
