/**
 * The addon: declared and documented here, named nowhere else. Everything it does is run programs (core/program) and hold memory. Every function
 * throws TypeError or RangeError for arguments that it cannot use: a program address must lie in memory that mapAnon or mapFd gave. What the program
 * does with other addresses is the verifier's business (core/program/verify.ts).
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { CrError } from '../errors.js';

/** Memory mapped into this process. `buffer` is detached by unmap(): later access throws. The memory itself goes when no program runs in it any more. */
export interface Mapping {
  readonly buffer: ArrayBuffer;
  /** Address of the mapping in this process. */
  readonly addr: bigint;
}

/** An OS thread that runs programs one after the other (native/src/job_thread.h). */
export interface NativeThread {
  /** Kernel thread id. */
  readonly tid: number;
  /** True after abandon(). */
  readonly dead: boolean;
  /** Runs the program at that address; the answer is vm_run's: index of the end cell, or ~index of the failed cell. */
  run(program: bigint): Promise<number>;
  /** The same, waiting. */
  runSync(program: bigint): number;
  /** Makes a blocking call of the running program fail with EINTR. */
  interrupt(): void;
  /**
   * Ends the OS thread at once: the kernel detaches its tracees and marks its robust futexes, so that every target heals itself. Pending jobs answer
   * ABANDONED, after the thread is gone (or after 100 ms, when it sits in a call that no signal ends).
   */
  abandon(): void;
  /** Ends the thread when its queue is empty. */
  close(): void;
  /**
   * Arms the watchdog: after `ms` milliseconds (1 to a day) the thread is abandoned, whatever JavaScript does. Replaces an earlier deadline. With `lastWords`
   * the process prints them on standard error and ends with 1 when nobody disarms it within three more seconds: JavaScript is stuck for good.
   */
  arm(ms: number, lastWords?: string): void;
  /** Disarms it; true when it had expired. */
  disarm(): boolean;
}

/** Code for injection: bytes and offsets (native/blob). */
export interface Blob {
  readonly code: Buffer;
  readonly seed: Buffer;
  readonly entry: number;
  readonly stubBegin: number;
  readonly stubSyscall: number;
  readonly stubUnmap: number;
  readonly stubRescue: number;
  readonly stubData: number;
  readonly stubEnd: number;
}

export interface Native {
  readonly abi: number;
  readonly blob: Blob;
  mapAnon(size: number): Mapping;
  /** MAP_SHARED, read and write. */
  mapFd(fd: number, size: number, offset: number): Mapping;
  unmap(mapping: Mapping): void;
  /** What the processor tells about itself, where an instruction does (Processor in core/arch/arch.ts): the four words of the answer. */
  cpuid(leaf: number, subleaf: number): [number, number, number, number];
  /** Runs a program on the calling (JavaScript) thread: for short local calls only. */
  runHere(program: bigint): number;
  /** Ends this process at once with a status of 0 to 255: nothing is torn down, and handlers of `exit` do not run. */
  exitNow(status: number): never;
  readonly KernelThread: new () => NativeThread;
}

const NATIVE_ABI = 3;
/** Returned instead of a cell index when the thread was abandoned (INT64_MIN as a double). */
export const ABANDONED = -(2 ** 63);

function findAddon(): string {
  // From dist/core/kernel (module tree) or dist (bundle): the first parent that holds the built addon.
  for (let dir = import.meta.dirname, i = 0; i < 6; dir = dirname(dir), i++) {
    const file = join(dir, 'native/build/Release/criu_ts.node');
    if (existsSync(file)) return file;
  }
  throw new CrError('CR_INTERNAL', { message: 'the native addon is not built', hint: 'Run `npm run setup` in the criu-ts folder.' });
}

function isNative(x: unknown): x is Native {
  return typeof x === 'object' && x !== null && 'abi' in x && x.abi === NATIVE_ABI && 'KernelThread' in x;
}

/** A process loads the addon once. */
let native: Native | null = null;

/** Loads the addon; this costs nothing the second time. */
export function loadNative(): Native {
  if (native !== null) return native;
  const file = findAddon();
  const loaded: unknown = createRequire(import.meta.url)(file);
  if (!isNative(loaded))
    throw new CrError('CR_INTERNAL', { message: `${file} does not fit this version`, hint: 'Run `npm run setup` again.' });
  return (native = loaded);
}

/** The addon if somebody needed it already. */
export function loadedNative(): Native | null {
  return native;
}
