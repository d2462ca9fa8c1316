/**
 * The rescue stub's place: the zero bytes behind the code in the last page of the target's vDSO. Nobody executes them, writing there through
 * /proc/PID/mem makes one private page, and no mapping or descriptor is needed before it works.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { Registers } from '../abi/ptrace.js';
import { CrError } from '../errors.js';
import { STUB_DATA } from '../program/isa.js';
import type { Blob } from './native.js';

const STUB_ALIGN = 8;

export interface StubPlace {
  /** Address of the stub in the target. */
  readonly addr: number;
  /** What stood there before. */
  readonly original: Buffer;
}

/** Registers and mask that bring a thread back (already with the restart fix-up), and what to unmap first. */
export interface RescueData {
  readonly registers: Registers;
  readonly mask: bigint;
  readonly code?: { addr: number; size: number };
  readonly data?: { addr: number; size: number };
}

/** Stub bytes for one thread. */
export function stubBytes(blob: Blob, rescue: RescueData): Buffer {
  const bytes = Buffer.from(blob.code.subarray(blob.stubBegin, blob.stubEnd));
  const data = bytes.subarray(blob.stubData - blob.stubBegin);
  const put = (offset: number, value: bigint) => data.writeBigUInt64LE(BigInt.asUintN(64, value), offset);
  const names = [
    'r15',
    'r14',
    'r13',
    'r12',
    'rbp',
    'rbx',
    'r11',
    'r10',
    'r9',
    'r8',
    'rax',
    'rcx',
    'rdx',
    'rsi',
    'rdi',
    'rip',
    'eflags',
    'rsp',
  ] as const;
  for (const name of names) put(STUB_DATA[name], rescue.registers.get(name));
  put(STUB_DATA.mask, rescue.mask);
  put(STUB_DATA.codeAddr, BigInt(rescue.code?.addr ?? 0));
  put(STUB_DATA.codeSize, BigInt(rescue.code?.size ?? 0));
  put(STUB_DATA.dataAddr, BigInt(rescue.data?.addr ?? 0));
  put(STUB_DATA.dataLength, BigInt(rescue.data?.size ?? 0));
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

/** Finds room for the stub, or throws CR_UNSUPPORTED. Reads only; the target may be running. */
export function findStubPlace(blob: Blob, process: { pid: number }, vdso: { start: number; end: number } | undefined): StubPlace {
  const size = blob.stubEnd - blob.stubBegin;
  if (!vdso)
    throw new CrError('CR_UNSUPPORTED', {
      message: 'has no vDSO, so there is no place for the rescue stub',
      subject: { pid: process.pid },
      hint: 'Boot without vdso=0.',
      target: 'running',
    });
  const bytes = readMemory(process.pid, vdso.start, vdso.end - vdso.start);
  let first = bytes.length;
  while (first > 0 && bytes[first - 1] === 0) first--;
  const offset = Math.ceil((first + 16) / STUB_ALIGN) * STUB_ALIGN;
  if (offset + size <= bytes.length) return { addr: vdso.start + offset, original: Buffer.from(bytes.subarray(offset, offset + size)) };
  // A stub that an earlier run left behind (it was killed) is our own code: its place can be used again.
  const code = blob.code.subarray(blob.stubBegin, blob.stubData);
  const old = bytes.indexOf(code);
  if (old >= 0) return { addr: vdso.start + old, original: Buffer.from(bytes.subarray(old, old + size)) };
  throw new CrError('CR_UNSUPPORTED', {
    message: `the vDSO has no ${size} free bytes for the rescue stub`,
    subject: { pid: process.pid },
    target: 'running',
  });
}

/** Bytes of one stub slot inside the code mapping. */
export function stubSlotSize(blob: Blob): number {
  return Math.ceil((blob.stubEnd - blob.stubBegin) / 64) * 64;
}
