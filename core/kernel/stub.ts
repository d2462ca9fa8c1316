/**
 * The rescue stub's place: the zero bytes behind the code in the last page of the target's vDSO. Nobody executes them, writing there through
 * /proc/PID/mem makes one private page, and no mapping or descriptor is needed before it works. A process that has unmapped its vDSO gets it behind the
 * code of a program or library instead.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { RescueData } from '../arch/arch.js';
import { arch } from '../arch/current.js';
import { CrError } from '../errors.js';
import type { Blob } from './native.js';

const STUB_ALIGN = 8;
const PAGE = 4096;
const PROT_RX = 5;

export interface StubPlace {
  /** Address of the stub in the target. */
  readonly addr: number;
  /** A page of a file that was untouched until the stub went there: what the target has in it is what the file has. Null in the vDSO. */
  readonly filePage: number | null;
  /** What stood there before. */
  readonly original: Buffer;
}

/** Stub bytes for one thread. */
export function stubBytes(blob: Blob, rescue: RescueData): Buffer {
  const bytes = Buffer.from(blob.code.subarray(blob.stubBegin, blob.stubEnd));
  arch.fillStub(bytes.subarray(blob.stubData - blob.stubBegin), rescue);
  return bytes;
}

export function readMemory(pid: number, addr: number, size: number): Buffer {
  const fd = openSync(`/proc/${pid}/mem`, 'r');
  try {
    const bytes = Buffer.alloc(size);
    const n = readSync(fd, bytes, 0, size, addr);
    return bytes.subarray(0, n);
  } finally {
    closeSync(fd);
  }
}

/** /proc/PID/mem ignores page protection (FOLL_FORCE), so it also writes read-only text; the page becomes private to the task. */
export function writeMemory(pid: number, addr: number, bytes: Uint8Array): void {
  const fd = openSync(`/proc/${pid}/mem`, 'r+');
  try {
    writeSync(fd, bytes, 0, bytes.length, addr);
  } finally {
    closeSync(fd);
  }
}

/** What of a mapping decides whether the stub may go there. */
export interface StubCandidate {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
  /** PROT_* bits. */
  readonly prot: number;
  readonly shared: boolean;
}

/** Finds room for the stub, or throws CR_UNSUPPORTED. Reads only; the target may be running. */
export function findStubPlace(blob: Blob, { pid }: { pid: number }, maps: readonly StubCandidate[]): StubPlace {
  const vdso = maps.find((vma) => vma.kind === 'vdso');
  const place = vdso ? inVdso(blob, pid, vdso) : behindCode(blob, pid, maps);
  if (place) return place;
  throw new CrError('CR_UNSUPPORTED', {
    message: `has no ${blob.stubEnd - blob.stubBegin} unused bytes for the rescue stub, neither in its vDSO nor behind the code of a file`,
    subject: { pid },
    target: 'running',
  });
}

/** Offset of `size` bytes behind everything that is not zero, or -1. */
function freeOffset(bytes: Buffer, size: number): number {
  let first = bytes.length;
  while (first > 0 && bytes[first - 1] === 0) first--;
  const offset = Math.ceil((first + 16) / STUB_ALIGN) * STUB_ALIGN;
  return offset + size <= bytes.length ? offset : -1;
}

function inVdso(blob: Blob, pid: number, vdso: StubCandidate): StubPlace | null {
  const size = blob.stubEnd - blob.stubBegin;
  const bytes = readMemory(pid, vdso.start, vdso.end - vdso.start);
  const at = (offset: number) => ({
    addr: vdso.start + offset,
    filePage: null,
    original: Buffer.from(bytes.subarray(offset, offset + size)),
  });
  const offset = freeOffset(bytes, size);
  if (offset >= 0) return at(offset);
  // A stub that an earlier run left behind (it was killed) is our own code: its place can be used again.
  const old = bytes.indexOf(blob.code.subarray(blob.stubBegin, blob.stubData));
  return old >= 0 ? at(old) : null;
}

/** The last page of a mapped program or library that is neither written to by the target nor full. */
function behindCode(blob: Blob, pid: number, maps: readonly StubCandidate[]): StubPlace | null {
  const size = blob.stubEnd - blob.stubBegin;
  for (const vma of maps) {
    if (vma.kind !== 'file' || vma.shared || vma.prot !== PROT_RX) continue;
    const page = vma.end - PAGE;
    if (!isUntouched(pid, page)) continue;
    const bytes = readMemory(pid, page, PAGE);
    const offset = freeOffset(bytes, size);
    if (bytes.length === PAGE && offset >= 0)
      return { addr: page + offset, filePage: page, original: Buffer.from(bytes.subarray(offset, offset + size)) };
  }
  return null;
}

/** Bits of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst). */
const PM_PRESENT = 1n << 63n;
const PM_SWAP = 1n << 62n;
const PM_FILE = 1n << 61n;

/** True while the page is the file's own, or not there at all. */
function isUntouched(pid: number, page: number): boolean {
  const fd = openSync(`/proc/${pid}/pagemap`, 'r');
  try {
    const entry = Buffer.alloc(8);
    if (readSync(fd, entry, 0, 8, (page / PAGE) * 8) !== 8) return false;
    const bits = entry.readBigUInt64LE();
    return (bits & PM_SWAP) === 0n && ((bits & PM_PRESENT) === 0n || (bits & PM_FILE) !== 0n);
  } finally {
    closeSync(fd);
  }
}

/** Bytes of one stub slot inside the code mapping. */
export function stubSlotSize(blob: Blob): number {
  return Math.ceil((blob.stubEnd - blob.stubBegin) / 64) * 64;
}
