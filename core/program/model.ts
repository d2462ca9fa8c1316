/**
 * The model: programs run over a buffer as memory and a function as kernel. Tests run programs without root and without a kernel's state, and compare
 * vm.c with it.
 */
import { Interpreter, ProgramFault, type Machine } from './interpret.js';

/** Memory at one base address. Access outside is a fault, as it would be in a task. */
export class ModelMemory {
  readonly view: DataView;
  constructor(
    readonly base: bigint,
    readonly bytes: Buffer,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** True when the whole range is memory. */
  holds(addr: bigint, size: number): boolean {
    const at = addr - this.base;
    return at >= 0n && at + BigInt(size) <= BigInt(this.bytes.length);
  }

  /** The bytes there, not a copy. */
  at(addr: bigint, size: number): Buffer {
    if (size === 0) return Buffer.alloc(0);
    if (!this.holds(addr, size)) throw new ProgramFault(`access of ${size} bytes at 0x${BigInt.asUintN(64, addr).toString(16)}`);
    const from = Number(addr - this.base);
    return this.bytes.subarray(from, from + size);
  }
}

/** Answers a system call: the result, negative errno for failure. May change the memory. */
export type ModelKernel = (nr: number, args: readonly bigint[], memory: ModelMemory) => bigint;

/** Address of the 16 bytes that the model's machine has beside its memory. */
export const MODEL_SCRATCH = -4096n;

/** Runs the program at byte `start` of the memory; the same answer as vm_run. @throws ProgramFault */
export function runModel(memory: ModelMemory, start: number, kernel: ModelKernel): number {
  const scratch = new ModelMemory(MODEL_SCRATCH, Buffer.alloc(16));
  const where = (addr: bigint, size: number) => (scratch.holds(addr, size) ? scratch : memory);
  const machine: Machine = {
    call: (nr, args) => kernel(nr, args, memory),
    read: (addr, length) => where(addr, length).at(addr, length),
    write: (addr, bytes) => void where(addr, bytes.length).at(addr, bytes.length).set(bytes),
    scratch: scratch.base,
  };
  return new Interpreter(memory.view, start, machine).run();
}
