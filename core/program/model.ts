/**
 * The model: the interpreter once more, in TypeScript, over modelled memory and a kernel that is a function. Tests run programs without root and
 * compare it with vm.c; it is the readable statement of what a program means.
 */
import { readCell, type CellWords } from './cells.js';
import { CELL, CELL_SIZE, KIND, OP, POLICY } from './isa.js';

const ENODATA = -61n;
const EINVAL = -22n;
const EAGAIN = -11n;
const MAX_STEPS = 10_000_000;

export class ModelFault extends Error {
  override readonly name = 'ModelFault';
}

/** Memory at one base address. Access outside is a fault, as it would be in a task. */
export class ModelMemory {
  readonly view: DataView;
  constructor(
    readonly base: bigint,
    readonly bytes: Buffer,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  offset(addr: bigint, size: number): number {
    const at = addr - this.base;
    if (at < 0n || at + BigInt(size) > BigInt(this.bytes.length)) throw new ModelFault(`access of ${size} bytes at 0x${addr.toString(16)}`);
    return Number(at);
  }
  load(addr: bigint, width: number): bigint {
    const at = this.offset(addr, width);
    if (width === 8) return this.view.getBigInt64(at, true);
    return BigInt(width === 4 ? this.view.getUint32(at, true) : width === 2 ? this.view.getUint16(at, true) : this.view.getUint8(at));
  }
  store(addr: bigint, value: bigint, width: number): void {
    const at = this.offset(addr, width);
    for (let i = 0; i < width; i++) this.bytes[at + i] = Number(BigInt.asUintN(8, value >> BigInt(8 * i)));
  }
}

/** Answers a system call: the result, negative errno for failure. May change the memory. */
export type ModelKernel = (nr: number, args: readonly bigint[], memory: ModelMemory) => bigint;

/** Runs the program at byte `start` of the memory; the same answer as vm_run. */
export function runModel(memory: ModelMemory, start: number, kernel: ModelKernel): number {
  const put = (i: number, value: bigint) => memory.view.setBigInt64(start + i * CELL_SIZE + CELL.result, BigInt.asIntN(64, value), true);
  for (let i = 0, steps = 0; ; i++, steps++) {
    if (steps > MAX_STEPS) throw new ModelFault('the program does not end');
    const cell = readCell(memory.view, i, start);
    if (cell.op === OP.end) return i;
    const a = cell.args.map((arg, n) => value(memory, start, cell.kinds[n] ?? 0, arg));
    if (cell.op === OP.expect || cell.op === OP.branch || cell.op === OP.retry) {
      const next = control(cell, a, i, put);
      if (next < 0) return next;
      i = next - 1;
      continue;
    }
    const result = execute(cell, a, memory, kernel);
    put(i, result);
    if (result < 0n && result > -4096n && cell.op !== OP.load && cell.op !== OP.add) {
      if (cell.policy === POLICY.must) return ~i;
      if (cell.policy === POLICY.tolerate && result !== -BigInt(cell.aux)) return ~i;
    }
  }
}

function value(memory: ModelMemory, start: number, kind: number, arg: bigint): bigint {
  if (kind === KIND.result) return readCell(memory.view, Number(arg), start).result;
  if (kind === KIND.word64) return memory.load(arg, 8);
  if (kind === KIND.word32) return BigInt.asIntN(32, memory.load(arg, 4));
  return arg;
}

/** Index of the next cell, or ~index of the failed one. */
function control(cell: CellWords, a: readonly bigint[], i: number, put: (i: number, value: bigint) => void): number {
  const match = BigInt.asUintN(64, a[0]! & a[1]!) === BigInt.asUintN(64, a[2]!);
  if (cell.op === OP.expect) {
    put(i, a[0]!);
    return !match && cell.policy === POLICY.must ? ~i : i + 1;
  }
  if (!match) return i + 1;
  const to = Number(cell.args[3]);
  if (cell.op === OP.branch ? to <= i : to >= i) {
    put(i, EINVAL);
    return ~i;
  }
  if (cell.op === OP.retry) {
    if (cell.result >= cell.args[4]!) {
      put(i, EAGAIN);
      return ~i;
    }
    put(i, cell.result + 1n);
  }
  return to;
}

function execute(cell: CellWords, a: readonly bigint[], memory: ModelMemory, kernel: ModelKernel): bigint {
  switch (cell.op) {
    case OP.syscall:
      return kernel(cell.nr, a, memory);
    case OP.store:
      memory.store(a[0]!, a[1]!, cell.aux);
      return 0n;
    case OP.load:
      return memory.load(a[0]!, cell.aux);
    case OP.add:
      return BigInt.asIntN(64, a[0]! + a[1]!);
    case OP.fill:
      memory.bytes.fill(
        Number(BigInt.asUintN(8, a[1]!)),
        memory.offset(a[0]!, Number(a[2])),
        memory.offset(a[0]!, Number(a[2])) + Number(a[2]),
      );
      return 0n;
    case OP.copy: {
      const from = memory.offset(a[1]!, Number(a[2]));
      for (let i = 0; i < Number(a[2]); i++) memory.store(a[0]! + BigInt(i), BigInt(memory.bytes[from + i]!), 1);
      return 0n;
    }
    case OP.io_all:
      return ioAll(cell, a, memory, kernel);
    case OP.wake:
      memory.store(a[0]!, memory.load(a[0]!, 4) + a[1]!, 4);
      return 0n;
    default:
      return EINVAL;
  }
}

function ioAll(cell: CellWords, a: readonly bigint[], memory: ModelMemory, kernel: ModelKernel): bigint {
  let [iov, count, offset, total] = [a[1]!, a[2]!, a[3]!, 0n];
  while (count > 0n) {
    const length = memory.load(iov + 8n, 8);
    if (length === 0n) {
      iov += 16n;
      count--;
      continue;
    }
    let n = kernel(cell.nr, [a[0]!, iov, count > 1024n ? 1024n : count, offset, 0n, 0n], memory);
    if (n === -4n) continue;
    if (n === 0n) return ENODATA;
    if (n < 0n) return n;
    total += n;
    offset += n;
    while (n > 0n) {
      const left = memory.load(iov + 8n, 8);
      const step = n < left ? n : left;
      memory.store(iov, memory.load(iov, 8) + step, 8);
      memory.store(iov + 8n, left - step, 8);
      n -= step;
      if (left === step) {
        iov += 16n;
        count--;
      }
    }
  }
  return total;
}
