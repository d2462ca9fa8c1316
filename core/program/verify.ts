/**
 * The verifier: refuses a program before anything runs it. It needs only the cells and the memory that they may use, so it also guards programs from
 * the parser and from plugins. What it accepts ends, and the interpreter reads and writes nothing outside that memory (test/fuzz/vm.ts). System calls
 * are the kernel's business: it checks their pointers itself.
 */
import type { SyscallName } from '../abi/syscalls.js';
import { arch } from '../arch/current.js';
import { readCell } from './cells.js';
import { CELL_SIZE, KIND, OP, POLICY, THREAD_BLOCK_SIZE } from './isa.js';
import { formatCell } from './text.js';
import { ARG_WORD, CELL_WORDS, RESULT_WORD } from './words.js';

export interface Problem {
  readonly index: number;
  readonly what: string;
}

/** Addresses as the executor of the program sees them. */
export interface MemoryRange {
  readonly start: number;
  readonly end: number;
}

export interface VerifyLimits {
  /** Memory that the program's own ops may touch; without it addresses are not checked. */
  readonly memory?: readonly MemoryRange[];
  /** Address of the first cell: with it, a program that writes to its own cells is refused (it would become one that nobody has verified). */
  readonly address?: number;
  /** Largest limit of one retry. One that runs longer hides a hang. */
  readonly maxRetries?: number;
  /** False: also memory that the program itself maps is out of bounds. */
  readonly ownMappings?: boolean;
}

const OWN_CELL = 'points into the program itself';
const MAX_RETRIES = 1_000_000;
const MAX_IOVECS = 1 << 20;
const PAGE = 4096;
const WNOTHREAD = 0x20000000;
/** Smallest and largest struct clone_args that kernels take (clone(2), CLONE_ARGS_SIZE_VER0 to a page). */
const CLONE_ARGS = { least: 64, most: PAGE } as const;

const U8 = 0xff;
const U16 = 0xffff;

const nr = (name: SyscallName): number => arch.syscalls[name];
const numbers = (...names: SyscallName[]): ReadonlySet<number> => new Set(names.map(nr));

const CALLS: ReadonlySet<number> = new Set(Object.values(arch.syscalls));
const VECTORED = numbers('readv', 'writev', 'preadv', 'pwritev');
const MAPS_MEMORY = numbers('mmap', 'mremap', 'shmat');
/** Calls that need a capability in all that we use them for: after the last one was given up they can only fail. */
const PRIVILEGED = numbers(
  'mount',
  'move_mount',
  'fsmount',
  'setns',
  'unshare',
  'chroot',
  'setgroups',
  'mknodat',
  'pidfd_getfd',
  'process_madvise',
);
const LAST_OP = Math.max(...Object.values(OP));
const LAST_POLICY = Math.max(...Object.values(POLICY));
const CLOSE = nr('close');
const WAIT4 = nr('wait4');
const CAPSET = nr('capset');

const upper = (addr: number): number => Math.floor(addr / 2 ** 32) >>> 0;

/** Problems of `count` cells at byte `start`; none means that the program may run. */
export function verify(view: DataView, start: number, count: number, limits: VerifyLimits = {}): Problem[] {
  return new Verifier(view, start, count, limits).run();
}

class Verifier {
  private readonly problems: Problem[] = [];
  private closed: Set<number> | null = null;
  /** The program's own cells. */
  private readonly cells: MemoryRange;
  /** Upper halves of their addresses: less than 4 GiB, they lie in two pieces of 4 GiB at most. */
  private readonly cellsHigh: { readonly first: number; readonly last: number };
  private dropped = -1;
  private index = 0;
  /** Index in `words` of the cell that is looked at. */
  private at = 0;
  private kinds = 0;
  private policyOf = 0;
  private aux = 0;
  private nr = 0;
  private last: MemoryRange = { start: 0, end: 0 };

  /** The cells as 32-bit words: programs are verified while targets are frozen, and this is the fastest way to read them. */
  private readonly words: Uint32Array;

  constructor(
    view: DataView,
    start: number,
    private readonly count: number,
    private readonly limits: VerifyLimits,
  ) {
    this.words = new Uint32Array(view.buffer, view.byteOffset + start, count * CELL_WORDS);
    const first = limits.address ?? 0;
    this.cells = { start: first, end: limits.address === undefined ? 0 : first + count * CELL_SIZE };
    this.cellsHigh = { first: upper(this.cells.start), last: upper(this.cells.end) };
  }

  run(): Problem[] {
    for (this.index = 0; this.index < this.count; this.index++) this.cell();
    if (this.count === 0 || (this.words[this.at]! & U16) !== OP.end) {
      this.index = Math.max(0, this.count - 1);
      this.report('the program does not end');
    }
    return this.problems;
  }

  private report(what: string): void {
    this.problems.push({ index: this.index, what });
  }

  /** Argument as a number: exact up to 2^53, which addresses, lengths and indexes are. */
  private arg(n: number): number {
    const at = this.at + ARG_WORD + 2 * n;
    return this.words[at]! + (this.words[at + 1]! | 0) * 2 ** 32;
  }
  private kind(n: number): number {
    return (this.kinds >> (2 * n)) & 3;
  }

  /** Layout: isa.ts, CELL. Both architectures are little-endian. */
  private cell(): void {
    this.at = this.index * CELL_WORDS;
    const first = this.words[this.at]!;
    const second = this.words[this.at + 1]!;
    const op = first & U16;
    this.kinds = first >>> 16;
    this.policyOf = second & U8;
    this.aux = (second >>> 8) & U8;
    this.nr = second >>> 16;
    if (op > LAST_OP) this.report(`unknown op ${op}`);
    if (this.kinds !== 0) this.operands();
    if (this.policyOf >= POLICY.tolerate) this.policy(op);
    if (op === OP.syscall) this.call(this.nr);
    else if (op === OP.branch || op === OP.retry) this.jump(op);
    else if (op !== OP.end && op !== OP.add && op !== OP.expect) this.memoryOp(op);
  }

  private operands(): void {
    if (this.kinds >= 1 << 12) this.report('kinds of arguments that a cell does not have');
    for (let n = 0; n < 6; n++) {
      const kind = this.kind(n);
      if (kind === KIND.constant) continue;
      const value = this.arg(n);
      if (kind !== KIND.result) this.memory(`argument ${n}`, value, kind === KIND.word64 ? 8 : 4);
      else if (value < 0 || value >= this.index) this.report(`argument ${n} uses the result of cell ${value}, which is not before it`);
      else if (this.closed?.has(value)) this.report(`argument ${n} uses the descriptor of cell ${value} after close`);
    }
  }

  /** For cells that tolerate an errno, or say something unknown. */
  private policy(op: number): void {
    if (this.policyOf > LAST_POLICY) return this.report(`unknown policy ${this.policyOf}`);
    // In other ops `aux` is a width or a mode.
    if (op !== OP.syscall && op !== OP.io_all && op !== OP.wait && op !== OP.cow_fill)
      this.report('tolerates an errno, which this op cannot');
    else if (this.aux === 0) this.report('tolerates errno 0');
  }

  private call(number: number): void {
    if (!CALLS.has(number)) this.report(`system call ${number} is not in the table`);
    const { words, cellsHigh } = this;
    const args = this.at + ARG_WORD;
    for (let n = 0; n < 6; n++) {
      // Nearly all arguments are numbers below every address, and the upper half tells.
      const high = words[args + 2 * n + 1]!;
      if (high !== cellsHigh.first && high !== cellsHigh.last) continue;
      if (this.kind(n) === KIND.constant && this.isOwnCell(this.arg(n), 1)) this.report(`argument ${n} ${OWN_CELL}`);
    }
    // wait4(-1) in a process with Node in it would reap children of child_process; __WNOTHREAD limits it to our own thread's.
    if (number === WAIT4 && this.kind(0) === KIND.constant && this.arg(0) === -1 && (this.arg(2) & WNOTHREAD) === 0)
      this.report('wait4(-1) without __WNOTHREAD');
    if (number === CLOSE && this.kind(0) === KIND.result) (this.closed ??= new Set()).add(this.arg(0));
    if (number === CAPSET) this.dropped = this.index;
    if (this.dropped >= 0 && PRIVILEGED.has(number)) this.report(`needs a capability, after cell ${this.dropped} gave them up`);
  }

  private jump(op: number): void {
    const to = this.arg(3);
    if (this.kind(3) !== KIND.constant || this.kind(4) !== KIND.constant) this.report('jump target or limit is not a constant');
    if (op === OP.branch) {
      if (to <= this.index || to >= this.count) this.report(`branch to ${to} does not go forward`);
      return;
    }
    const most = this.limits.maxRetries ?? MAX_RETRIES;
    if (to >= this.index || to < 0) this.report(`retry to ${to} does not go back`);
    if (this.arg(4) <= 0 || this.arg(4) > most) this.report(`retry limit ${this.arg(4)} is not between 1 and ${most}`);
    if ((this.words[this.at + RESULT_WORD]! | this.words[this.at + RESULT_WORD + 1]!) !== 0)
      this.report('retry counter does not start at 0');
  }

  private memoryOp(op: number): void {
    const { aux } = this;
    switch (op) {
      case OP.store:
      case OP.load:
        if (aux !== 1 && aux !== 2 && aux !== 4 && aux !== 8) this.report(`width ${aux} is not 1, 2, 4 or 8`);
        return this.pointer(0, aux);
      case OP.fill:
        return this.pointer(0, this.length(2));
      case OP.copy:
        this.pointer(1, this.length(2));
        return this.pointer(0, this.length(2));
      case OP.wait:
      case OP.wake:
        if (this.kind(0) === KIND.constant && this.arg(0) % 4 !== 0) this.report('a futex word that is not aligned');
        return this.pointer(0, 4);
      case OP.io_all:
        return this.vectored();
      case OP.spawn:
        return this.spawn(aux);
      case OP.cow_fill:
        return this.cowFill();
    }
  }

  /** A constant length; 0 after a report. */
  private length(n: number): number {
    const value = this.arg(n);
    if (this.kind(n) === KIND.constant && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
    this.report(`length in argument ${n} is not a constant below 2^53`);
    return 0;
  }

  private vectored(): void {
    if (!VECTORED.has(this.nr)) this.report(`system call ${this.nr} is not a vectored read or write`);
    const count = this.length(2);
    if (count > MAX_IOVECS) this.report(`${count} iovecs, more than ${MAX_IOVECS}`);
    this.pointer(1, count * 16);
  }

  private spawn(mode: number): void {
    if (mode > 1) this.report(`spawn mode ${mode} is not 0 or 1`);
    const size = this.length(1);
    if (size < CLONE_ARGS.least || size > CLONE_ARGS.most) this.report(`struct clone_args of ${size} bytes`);
    this.pointer(0, size);
    this.pointer(2, mode === 0 ? THREAD_BLOCK_SIZE : CELL_SIZE);
  }

  private cowFill(): void {
    const [length, scratch] = [this.length(3), this.length(5)];
    if (length % PAGE !== 0 || scratch % PAGE !== 0 || scratch === 0) this.report('lengths are not whole pages');
    this.pointer(2, length);
    this.pointer(4, scratch);
  }

  /** Argument `n` as the address of `size` bytes that the op itself touches. */
  private pointer(n: number, size: number): void {
    const kind = this.kind(n);
    if (kind === KIND.constant && this.isOwnCell(this.arg(n), size)) this.report(`argument ${n} ${OWN_CELL}`);
    if (kind === KIND.constant) return this.memory(`argument ${n}`, this.arg(n), size);
    if (this.limits.memory === undefined) return;
    if (kind === KIND.result && this.limits.ownMappings !== false && this.isOwnMapping(this.arg(n))) return;
    this.report(`address in argument ${n} is neither a constant nor a mapping that the program made`);
  }

  private isOwnMapping(cell: number): boolean {
    if (cell < 0 || cell >= this.index) return true; // Reported with the operands.
    const at = cell * CELL_WORDS;
    return (this.words[at]! & U16) === OP.syscall && MAPS_MEMORY.has(this.words[at + 1]! >>> 16);
  }

  private isOwnCell(addr: number, size: number): boolean {
    return addr < this.cells.end && addr + size > this.cells.start;
  }

  private memory(what: string, addr: number, size: number): void {
    if (addr >= 0 && addr < PAGE) return this.report(`${what} is memory at ${addr}`);
    const { memory } = this.limits;
    if (memory === undefined || size === 0) return;
    const inside = (range: MemoryRange) => addr >= range.start && addr + size <= range.end;
    // Ops on one piece of memory follow each other: the range of the last one fits nearly always.
    if (inside(this.last)) return;
    const found = memory.find(inside);
    if (found) {
      this.last = found;
      return;
    }
    this.report(`${what} is not memory of the program: ${size} bytes at 0x${addr.toString(16)}`);
  }
}

/** Problems as text, each with its cell. */
export function explain(view: DataView, start: number, problems: readonly Problem[]): string {
  return problems.map((p) => `${formatCell(p.index, readCell(view, p.index, start))}\n      ^ ${p.what}`).join('\n');
}
