/**
 * What a program means, in TypeScript: the same steps as native/blob/vm.c, over any machine. The model (model.ts) gives it modelled memory and a
 * function as kernel; the stepper (core/kernel/stepper.ts) gives it a real task. It is the reference that vm.c is compared with.
 */
import { arch } from '../arch/current.js';
import { readCell, type CellWords } from './cells.js';
import { CELL, CELL_SIZE, KIND, OP, POLICY } from './isa.js';

const EINTR = -4n;
const EAGAIN = -11n;
const EINVAL = -22n;
const ENODATA = -61n;
const MAX_STEPS = 10_000_000;
const PAGE = 4096;
const IOV_MAX = 1024n;
const FUTEX_WAKE = 1n;
const EVERYBODY = 0x7fffffffn;

/** A program did what no program may: it leaves its memory, or does not end. */
export class ProgramFault extends Error {
  override readonly name = 'ProgramFault';
}

/** What programs run on. Addresses and values are signed 64-bit words. */
export interface Machine {
  /** A system call: its result, negative errno for failure. */
  call(nr: number, args: readonly bigint[]): bigint;
  /** Bytes of memory. @throws ProgramFault outside */
  read(addr: bigint, length: number): Buffer;
  write(addr: bigint, bytes: Uint8Array): void;
  /** Memory for an argument that is not in the program: a timespec of 16 bytes. */
  readonly scratch: bigint;
}

export class Interpreter {
  /** Cell that is executed next. */
  index = 0;
  private steps = 0;

  /** @param view, start where the cells are; results are written there */
  constructor(
    private readonly view: DataView,
    private readonly start: number,
    private readonly machine: Machine,
  ) {}

  /** Runs to the end; the same answer as vm_run: index of the end cell, or ~index of the cell that failed. */
  run(): number {
    for (;;) {
      const status = this.step();
      if (status !== null) return status;
    }
  }

  /** Executes one cell. Null while the program goes on, else vm_run's answer. */
  step(): number | null {
    if (++this.steps > MAX_STEPS) throw new ProgramFault('the program does not end');
    const i = this.index;
    const cell = readCell(this.view, i, this.start);
    if (cell.op === OP.end) return i;
    if (cell.op === OP.expect || cell.op === OP.branch || cell.op === OP.retry) return this.control(cell, i);
    const result = this.execute(
      cell,
      cell.args.map((_, n) => this.operand(cell, n)),
    );
    this.put(i, result);
    // load and add give data, not errors.
    if (result < 0n && result > -4096n && cell.op !== OP.load && cell.op !== OP.add) {
      if (cell.policy === POLICY.must) return ~i;
      if (cell.policy === POLICY.tolerate && result !== -BigInt(cell.aux)) return ~i;
    }
    this.index++;
    return null;
  }

  private put(i: number, value: bigint): void {
    this.view.setBigInt64(this.start + i * CELL_SIZE + CELL.result, BigInt.asIntN(64, value), true);
  }

  private operand(cell: CellWords, n: number): bigint {
    const arg = cell.args[n]!;
    const kind = cell.kinds[n]!;
    if (kind === KIND.result) return readCell(this.view, Number(arg), this.start).result;
    if (kind === KIND.word64) return this.load(arg, 8);
    if (kind === KIND.word32) return BigInt.asIntN(32, this.load(arg, 4));
    return arg;
  }

  private control(cell: CellWords, i: number): number | null {
    const [value, mask, want] = [this.operand(cell, 0), this.operand(cell, 1), this.operand(cell, 2)];
    const match = BigInt.asUintN(64, value & mask) === BigInt.asUintN(64, want);
    this.index = i + 1;
    if (cell.op === OP.expect) {
      this.put(i, value);
      return !match && cell.policy === POLICY.must ? ~i : null;
    }
    if (!match) return null;
    const to = Number(cell.args[3]);
    if (cell.op === OP.branch ? to <= i : to >= i) return this.fail(i, EINVAL);
    if (cell.op === OP.retry) {
      if (cell.result >= cell.args[4]!) return this.fail(i, EAGAIN);
      this.put(i, cell.result + 1n);
    }
    this.index = to;
    return null;
  }

  private fail(i: number, errno: bigint): number {
    this.put(i, errno);
    return ~i;
  }

  private execute(cell: CellWords, a: readonly bigint[]): bigint {
    switch (cell.op) {
      case OP.syscall:
        return this.machine.call(cell.nr, a);
      case OP.store:
        this.store(a[0]!, a[1]!, cell.aux);
        return 0n;
      case OP.load:
        return this.load(a[0]!, cell.aux);
      case OP.add:
        return BigInt.asIntN(64, a[0]! + a[1]!);
      case OP.fill:
        this.machine.write(a[0]!, Buffer.alloc(Number(a[2]), Number(BigInt.asUintN(8, a[1]!))));
        return 0n;
      case OP.copy:
        this.copy(a[0]!, a[1]!, Number(a[2]));
        return 0n;
      case OP.io_all:
        return this.ioAll(cell.nr, a);
      case OP.wait:
        return this.wait(a[0]!, BigInt.asUintN(32, a[1]!), BigInt.asUintN(64, a[2]!));
      case OP.wake:
        this.store(a[0]!, this.load(a[0]!, 4) + a[1]!, 4);
        this.machine.call(arch.syscalls.futex, [a[0]!, FUTEX_WAKE, EVERYBODY, 0n, 0n, 0n]);
        return 0n;
      case OP.spawn:
        return this.machine.call(arch.syscalls.clone3, [a[0]!, a[1]!, 0n, 0n, 0n, 0n]);
      case OP.cow_fill:
        return this.cowFill(a);
      default:
        return EINVAL;
    }
  }

  private load(addr: bigint, width: number): bigint {
    const bytes = this.machine.read(addr, width === 1 || width === 2 || width === 4 ? width : 8);
    return bytes.length === 8 ? bytes.readBigInt64LE() : BigInt(bytes.readUIntLE(0, bytes.length));
  }

  private store(addr: bigint, value: bigint, width: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
    this.machine.write(addr, width === 1 || width === 2 || width === 4 ? bytes.subarray(0, width) : bytes);
  }

  /** Forwards byte by byte: where the ranges overlap, bytes already written are copied on. */
  private copy(to: bigint, from: bigint, length: number): void {
    const ahead = Number(to - from);
    if (ahead <= 0 || ahead >= length) return this.machine.write(to, Buffer.from(this.machine.read(from, length)));
    const pattern = Buffer.from(this.machine.read(from, ahead));
    const out = Buffer.alloc(length);
    for (let i = 0; i < length; i++) out[i] = pattern[i % ahead]!;
    return this.machine.write(to, out);
  }

  private ioAll(nr: number, a: readonly bigint[]): bigint {
    let [iov, count, offset, total] = [a[1]!, BigInt.asUintN(64, a[2]!), a[3]!, 0n];
    while (count > 0n) {
      if (this.load(iov + 8n, 8) === 0n) {
        iov += 16n;
        count--;
        continue;
      }
      let n = this.machine.call(nr, [a[0]!, iov, count > IOV_MAX ? IOV_MAX : count, offset, 0n, 0n]);
      if (n === EINTR) continue;
      if (n === 0n) return ENODATA;
      if (n < 0n) return n;
      total += n;
      offset += n;
      while (n > 0n) {
        const left = BigInt.asUintN(64, this.load(iov + 8n, 8));
        const step = n < left ? n : left;
        this.store(iov, this.load(iov, 8) + step, 8);
        this.store(iov + 8n, left - step, 8);
        n -= step;
        if (left === step) {
          iov += 16n;
          count--;
        }
      }
    }
    return total;
  }

  private wait(addr: bigint, goal: bigint, timeoutNs: bigint): bigint {
    const { scratch } = this.machine;
    if (timeoutNs !== 0n) {
      this.store(scratch, timeoutNs / 1_000_000_000n, 8);
      this.store(scratch + 8n, timeoutNs % 1_000_000_000n, 8);
    }
    for (;;) {
      if (++this.steps > MAX_STEPS) throw new ProgramFault('the program waits for ever');
      const now = this.load(addr, 4);
      if (BigInt.asIntN(32, now - goal) >= 0n) return 0n;
      const n = this.machine.call(arch.syscalls.futex, [addr, 0n, now, timeoutNs === 0n ? 0n : scratch, 0n, 0n]);
      if (n < 0n && n !== EAGAIN) return n;
    }
  }

  private cowFill(a: readonly bigint[]): bigint {
    let [offset, dst, left] = [a[1]!, a[2]!, BigInt.asUintN(64, a[3]!)];
    const [scratch, size] = [a[4]!, BigInt.asUintN(64, a[5]!)];
    let written = 0n;
    while (left > 0n) {
      const want = left < size ? left : size;
      for (let have = 0n; have < want;) {
        const n = this.machine.call(arch.syscalls.pread64, [a[0]!, scratch + have, want - have, offset + have, 0n, 0n]);
        if (n === EINTR) continue;
        if (n === 0n) return ENODATA;
        if (n < 0n) return n;
        have += n;
      }
      for (let at = 0n; at < want; at += BigInt(PAGE)) {
        if (this.machine.read(scratch + at, PAGE).equals(this.machine.read(dst + at, PAGE))) continue;
        this.copy(dst + at, scratch + at, PAGE);
        written++;
      }
      offset += want;
      dst += want;
      left -= want;
    }
    return written;
  }
}
