/**
 * The builder: TypeScript states a program call by call, each with its failure policy and the reason why it is made; `end()` writes the cells into
 * the arena. Results stay in the cells, so after the run the program object answers for what happened.
 */
import { errnoName } from '../abi/errno.js';
import { STRUCTS, type FieldValues, type StructName } from '../abi/structs.js';
import { SYSCALLS, type SyscallName } from '../abi/syscalls.js';
import { arch } from '../arch/current.js';
import { CrError, type ErrorSubject, type TargetState } from '../errors.js';
import type { Arena } from './arena.js';
import { type Arg, Call, syscallBuilders, type SyscallBuilders } from './call.js';
import type { ProgramSource } from './emit-c.js';
import { ARG_WORD, CELL_WORDS, putLong, putNumber, wordsOf } from './words.js';
import { CELL, CELL_SIZE, KIND, OP, POLICY } from './isa.js';
import { Operand, Ptr, StructPtr } from './ptr.js';
import { formatProgram } from './text.js';
import { explain, verify, type MemoryRange, type Problem } from './verify.js';

/** The builder's vocabulary comes from one place. */
export { Operand, Ptr, StructPtr } from './ptr.js';

interface CellInfo {
  readonly text: string;
  /** Null while it has no failure policy and needs one. */
  why: string | null;
}

/** Ops that must state a policy. */
const needsPolicy = (op: number): boolean => op === OP.syscall || op === OP.io_all || op === OP.spawn || op === OP.wait;

export interface FailureContext {
  readonly subject?: ErrorSubject;
  readonly target?: TargetState;
  readonly hint?: string;
}

/** Memory in which the last program was written, zeroed, for the next one: thousands of threads have one each. */
let spare: Buffer | null = null;
/** A larger buffer is not kept. */
const KEPT_SIZE = 64 * 1024;
/** What a sealed program has instead: to emit into it is an error. */
const SEALED = Buffer.alloc(0);
const SEALED_WORDS = new Uint32Array(0);

function takeBuffer(): Buffer {
  const buffer = spare ?? Buffer.alloc(64 * CELL_SIZE);
  spare = null;
  return buffer;
}

export class Program {
  readonly sys: SyscallBuilders;
  private buffer = takeBuffer();
  /** The same memory: cells are written by the thousand while a tree is frozen, and this is the fastest way. */
  private words = wordsOf(this.buffer);
  private readonly cells: CellInfo[] = [];
  /** Pids that cells are about. */
  private subjects: Map<number, number> | null = null;
  /** Memory that ops of the program may touch. */
  private readonly memory: MemoryRange[];
  private start = -1;
  /** What the arena had handed out before: our data lies behind it. */
  private readonly first: number;

  constructor(
    /** Dotted name for traces and errors, such as `timers.arm`. */
    readonly name: string,
    readonly arena: Arena,
  ) {
    this.sys = syscallBuilders(this);
    this.first = arena.mark;
    this.memory = [{ start: arena.base, end: arena.base + arena.size }];
  }

  /** Declares memory outside the arena that ops of this program (not its system calls) read or write. */
  touches(addr: number, size: number): this {
    const last = this.memory.at(-1)!;
    if (last.start !== addr || last.end !== addr + size) this.memory.push({ start: addr, end: addr + size });
    return this;
  }
  /** Declares our own view of an arena that others execute in. */
  touchesView({ mapping, size }: Arena): this {
    return this.touches(Number(mapping.addr), size);
  }

  get length(): number {
    return this.cells.length;
  }

  /** Appends a cell. Used by the named methods below. */
  emit(op: number, nr: number, args: readonly Arg[], text: string, aux = 0): Call {
    const index = this.cells.length;
    if ((index + 1) * CELL_SIZE > this.buffer.length) this.grow();
    const { words } = this;
    const at = index * CELL_WORDS;
    let kinds = 0;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!;
      const word = at + ARG_WORD + 2 * i;
      if (typeof arg === 'number') putNumber(words, word, arg);
      else if (typeof arg === 'bigint') putLong(words, word, arg);
      else if (arg instanceof Ptr) putNumber(words, word, arg.addr);
      else if (arg instanceof Operand) {
        kinds |= arg.kind << (2 * i);
        putNumber(words, word, arg.value);
      } else {
        kinds |= KIND.result << (2 * i);
        words[word] = arg.index;
      }
    }
    words[at] = op | (kinds << 16);
    words[at + 1] = (aux << 8) | (nr << 16);
    this.cells.push({ text, why: needsPolicy(op) ? null : '' });
    return new Call(this, index);
  }

  private grow(): void {
    if (this.start >= 0) throw new CrError('CR_INTERNAL', { message: `program ${this.name} is sealed: nothing can be added` });
    const bigger = Buffer.alloc(this.buffer.length * 2);
    this.buffer.copy(bigger);
    this.buffer = bigger;
    this.words = wordsOf(bigger);
  }

  setPolicy(index: number, policy: number, aux: number, why: string): void {
    const at = index * CELL_WORDS + 1;
    const word = this.words[at]! & ~0xff;
    this.words[at] = policy === POLICY.tolerate ? (word & ~0xff00) | policy | (aux << 8) : word | policy;
    this.cells[index]!.why = why;
  }

  setSubject(index: number, pid: number): void {
    (this.subjects ??= new Map()).set(index, pid);
  }

  /** Reserves zeroed bytes for output. */
  out(size: number, align = 8): Ptr {
    return new Ptr(this.arena, this.arena.alloc(size, align), size);
  }
  /** Puts bytes into the arena. */
  data(bytes: Uint8Array, align = 8): Ptr {
    return this.out(bytes.length, align).set(bytes);
  }
  /** Puts a NUL-terminated string into the arena. Throws on an inner NUL: it would silently name another file. */
  cstr(text: string | Uint8Array): Ptr {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    if (bytes.includes(0)) throw new CrError('CR_INTERNAL', { message: 'string with a NUL byte' });
    return this.out(bytes.length + 1, 1).set(bytes);
  }
  /** A kernel structure; fields that are not given are zero. */
  struct<S extends StructName>(type: S, values: FieldValues<S> = {}): StructPtr<S> {
    return new StructPtr(this.arena, this.arena.alloc(STRUCTS[type].size), type).put(values);
  }
  /** Structures one after the other; the first one is the address of all. */
  structs<S extends StructName>(type: S, count: number): StructPtr<S>[] {
    const { size } = STRUCTS[type];
    const { offset } = this.out(size * Math.max(1, count));
    return Array.from({ length: Math.max(1, count) }, (_, i) => new StructPtr(this.arena, offset + size * i, type));
  }
  /** An iovec array. */
  iovec(parts: readonly { addr: number; length: number }[]): StructPtr<'iovec'> {
    const p = this.out(Math.max(1, parts.length) * STRUCTS.iovec.size);
    parts.forEach((part, i) => p.setU64(16 * i, part.addr).setU64(16 * i + 8, part.length));
    return p.as('iovec');
  }

  store(addr: Arg, value: Arg, width: 1 | 2 | 4 | 8): Call {
    return this.emit(OP.store, 0, [addr, value], 'store', width);
  }
  load(addr: Arg, width: 1 | 2 | 4 | 8): Call {
    return this.emit(OP.load, 0, [addr], 'load', width);
  }
  add(a: Arg, b: Arg): Call {
    return this.emit(OP.add, 0, [a, b], 'add');
  }
  /** Fails unless (value & mask) == want. */
  expect(value: Arg, mask: Arg, want: Arg, why: string): Call {
    return this.emit(OP.expect, 0, [value, mask, want], 'expect').must(why);
  }
  fill(addr: Arg, byte: Arg, length: Arg): Call {
    return this.emit(OP.fill, 0, [addr, byte, length], 'fill');
  }
  copyMemory(to: Arg, from: Arg, length: Arg): Call {
    return this.emit(OP.copy, 0, [to, from, length], 'copy');
  }
  /** Vectored I/O until every iovec is used up; `iov` is consumed. */
  ioAll(call: 'readv' | 'writev' | 'preadv' | 'pwritev', fd: Arg, iov: Ptr, count: number, offset: Arg = 0): Call {
    return this.emit(OP.io_all, arch.syscalls[call], [fd, iov, count, offset], `${call} (all)`);
  }
  /** Waits until the u32 at `addr` has reached `goal`. */
  wait(addr: Arg, goal: Arg, timeoutNs: Arg): Call {
    return this.emit(OP.wait, 0, [addr, goal, timeoutNs], 'wait');
  }
  wake(addr: Arg, by: Arg): Call {
    return this.emit(OP.wake, 0, [addr, by], 'wake');
  }
  /** clone3; the child serves the thread block at `block` (daemon). */
  spawnDaemon(args: StructPtr<'clone_args'>, block: Arg): Call {
    return this.emit(OP.spawn, 0, [args, args.size, block], 'clone3', 0);
  }
  /** clone3; the child runs the program at `program` and exits with 127 if that ever ends. */
  spawnProgram(args: StructPtr<'clone_args'>, program: Arg): Call {
    return this.emit(OP.spawn, 0, [args, args.size, program], 'clone3', 1);
  }
  cowFill(fd: Arg, offset: Arg, addr: Arg, length: Arg, scratch: Arg, scratchSize: Arg): Call {
    return this.emit(OP.cow_fill, 0, [fd, offset, addr, length, scratch, scratchSize], 'pread64 (copy-on-write fill)').must(
      'fill inherited memory',
    );
  }
  /** Jumps forward to the label when (value & mask) == want. */
  branch(value: Arg, mask: Arg, want: Arg): Label {
    const call = this.emit(OP.branch, 0, [value, mask, want, 0], 'branch');
    return { index: call.index };
  }
  /** Places a label: branches to it continue with the next cell. */
  place(label: Label): void {
    putNumber(this.words, label.index * CELL_WORDS + ARG_WORD + 6, this.cells.length);
  }
  /** Jumps back to the cell `to` while (value & mask) == want, at most `limit` times; then the program fails. */
  retry(value: Arg, mask: Arg, want: Arg, to: number, limit: number, why: string): Call {
    return this.emit(OP.retry, 0, [value, mask, want, to, limit], 'retry').must(why);
  }

  /**
   * Seals the program: checks that every call states its policy, writes the cells into the arena and verifies them there.
   * @throws CR_INTERNAL that shows the cell and the rule it breaks
   */
  end(): this {
    if (this.start >= 0) return this;
    const undecided = this.cells.findIndex(({ why }) => why === null);
    if (undecided >= 0)
      throw new CrError('CR_INTERNAL', {
        message: `program ${this.name}: op ${undecided} (${this.cells[undecided]!.text}) states no failure policy`,
      });
    this.emit(OP.end, 0, [], 'end');
    const size = this.cells.length * CELL_SIZE;
    this.start = this.arena.alloc(size, 64);
    this.arena.bytes.set(this.buffer.subarray(0, size), this.start);
    if (this.buffer.length <= KEPT_SIZE) spare = this.buffer.fill(0, 0, size);
    this.buffer = SEALED;
    this.words = SEALED_WORDS;
    const problems = this.problems();
    if (problems.length === 0) return this;
    const text = explain(this.arena.view, this.start, problems);
    throw new CrError('CR_INTERNAL', { message: `program ${this.name} breaks the rules of programs:\n${text}` });
  }

  /** Text form with the results so far. */
  text(): string {
    return formatProgram(this.name, this.arena.view, this.start, this.cells.length);
  }

  /** What emit-c.ts makes a C file of. */
  source(): ProgramSource {
    const end = this.start + this.cells.length * CELL_SIZE;
    const memory = { bytes: this.arena.bytes.subarray(this.first, end), address: this.arena.addr(this.first) };
    return { name: this.name, length: this.cells.length, address: this.address, memory, reasonOf: (i) => this.cells[i]?.why ?? '' };
  }

  /** Problems that the verifier finds in the sealed program. */
  problems(): Problem[] {
    return verify(this.arena.view, this.start, this.cells.length, { memory: this.memory, address: this.address });
  }

  /** Address of the first cell as the executor sees it. */
  get address(): number {
    if (this.start < 0) throw new CrError('CR_INTERNAL', { message: `program ${this.name} is not sealed` });
    return this.arena.addr(this.start);
  }

  resultBigOf(index: number): bigint {
    return this.arena.view.getBigInt64(this.start + index * CELL_SIZE + CELL.result, true);
  }
  resultOf(index: number): number {
    return Number(this.resultBigOf(index));
  }

  /** Turns vm_run's answer into an error: names the call, errno and reason. */
  check(status: number, context: FailureContext = {}): void {
    if (status >= 0) return;
    throw this.failure(status, context);
  }

  /** For a program whose status nobody could read (it runs until an exec): the first call that must not fail and did, as an error. */
  firstFailure(context: FailureContext = {}): CrError | null {
    for (let i = 0; i < this.cells.length; i++) {
      const result = this.resultOf(i);
      if (this.arena.view.getUint8(this.start + i * CELL_SIZE + CELL.policy) === POLICY.must && result < 0 && result > -4096)
        return this.failure(~i, context);
    }
    return null;
  }

  failure(status: number, context: FailureContext): CrError {
    const index = ~status;
    const cell = this.cells[index];
    if (!cell) return new CrError('CR_TARGET_LOST', { message: `program ${this.name} was cut off`, ...context });
    const result = this.resultOf(index);
    const pid = this.subjects?.get(index);
    const errno = result < 0 ? errnoName(-result) : `0x${this.resultBigOf(index).toString(16)}`;
    return new CrError('CR_KERNEL', {
      message: `cannot ${cell.why || cell.text} (program ${this.name} op ${index})`,
      kernel: { call: this.callText(index), errno },
      ...context,
      ...(pid === undefined ? {} : { subject: { pid } }),
    });
  }

  private callText(index: number): string {
    const at = this.start + index * CELL_SIZE;
    const text = this.cells[index]!.text;
    const count = text in SYSCALLS ? SYSCALLS[text as SyscallName].args.length : 6;
    const args: string[] = [];
    for (let i = 0; i < count; i++) {
      const value = this.arena.view.getBigInt64(at + CELL.args + 8 * i, true);
      args.push(value > -4096n && value < 4096n ? value.toString() : `0x${BigInt.asUintN(64, value).toString(16)}`);
    }
    return `${text}(${args.join(', ')})`;
  }
}

export interface Label {
  readonly index: number;
}
