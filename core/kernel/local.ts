/**
 * System calls of our own process that Node does not offer (fcntl, ioctl, kcmp, pidfd_getfd, tee ...). One cell is built once and its number and
 * arguments are rewritten for every call, so a call costs about as much as the system call itself. For calls that do not block.
 */
import { errnoName } from '../abi/errno.js';
import type { SyscallName } from '../abi/syscalls.js';
import { arch } from '../arch/current.js';
import { CrError, type ErrorSubject, type TargetState } from '../errors.js';
import { CELL } from '../program/isa.js';
import { Program, Ptr } from '../program/program.js';
import { localArena } from './kernel-thread.js';
import { loadNative, type Native } from './native.js';

const SCRATCH_SIZE = 8192;
const ARENA_SIZE = 16384;
const MAX_ARGS = 6;

export type LocalArg = number | bigint | Ptr;

/** Why a call is made and about what, for the error when it fails. */
export interface LocalReason {
  readonly why: string;
  readonly subject?: ErrorSubject;
  readonly target?: TargetState;
  readonly hint?: string;
}

export class LocalCalls {
  /** Memory for structures that calls read or fill; its content lasts until the next user. */
  readonly scratch: Ptr;
  private readonly program: Program;
  private readonly cell: number;

  constructor(private readonly native: Native = loadNative()) {
    const arena = localArena(native, ARENA_SIZE);
    this.program = new Program('local', arena);
    this.scratch = this.program.out(SCRATCH_SIZE, 16);
    this.program.sys.getpid().ignore('every call replaces this one; the result goes to the caller');
    this.program.end();
    this.cell = this.program.address - arena.base;
  }

  /** The result, or the negative errno. */
  call(name: SyscallName, ...args: LocalArg[]): number {
    const { view } = this.program.arena;
    view.setUint16(this.cell + CELL.nr, arch.syscalls[name], true);
    for (let i = 0; i < MAX_ARGS; i++) view.setBigUint64(this.cell + CELL.args + 8 * i, wordOf(args[i] ?? 0), true);
    this.native.runHere(BigInt(this.program.address));
    return this.program.resultOf(0);
  }

  /** The result. Throws CR_KERNEL, or CR_NO_PERMISSION for EPERM and EACCES, that names call, errno and reason. */
  must(reason: LocalReason, name: SyscallName, ...args: LocalArg[]): number {
    const result = this.call(name, ...args);
    if (result < 0) throw callError(reason, name, args, -result);
    return result;
  }

  /** A NUL-terminated path or name in the scratch memory at `at`. Throws CR_INTERNAL for one that is too long or has a NUL. */
  text(bytes: Uint8Array, at = 0): Ptr {
    if (bytes.includes(0) || at + bytes.length + 1 > SCRATCH_SIZE)
      throw new CrError('CR_INTERNAL', { message: 'text does not fit the scratch memory' });
    const { arena, offset } = this.scratch;
    arena.bytes.set(bytes, offset + at);
    arena.bytes[offset + at + bytes.length] = 0;
    return new Ptr(arena, offset + at, bytes.length + 1);
  }

  close(): void {
    this.native.unmap(this.program.arena.mapping);
  }
}

function wordOf(arg: LocalArg): bigint {
  return BigInt.asUintN(64, arg instanceof Ptr ? BigInt(arg.addr) : BigInt(arg));
}

function callError(reason: LocalReason, name: SyscallName, args: readonly LocalArg[], errno: number): CrError {
  const text = args.map((arg) => (arg instanceof Ptr ? `0x${arg.addr.toString(16)}` : String(arg))).join(', ');
  const denied = errnoName(errno) === 'EPERM' || errnoName(errno) === 'EACCES';
  const { why, ...rest } = reason;
  return new CrError(denied ? 'CR_NO_PERMISSION' : 'CR_KERNEL', {
    message: `cannot ${why}`,
    kernel: { call: `${name}(${text})`, errno: errnoName(errno) },
    ...rest,
  });
}
