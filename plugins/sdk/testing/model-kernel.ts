/**
 * A kernel for syscall programs, without a kernel: what host.run() and SeedTask.run() run is checked and interpreted as the engine does it, and the test
 * says what each call answers. Addresses are always the same, so that the text of a program can be compared with a stored one.
 */
import { type ErrnoName, errnoNumber } from '../../../core/abi/errno.js';
import type { SyscallName } from '../../../core/abi/syscalls.js';
import { arch } from '../../../core/arch/current.js';
import type { SyscallProgram } from '../../../core/plugins/contexts.js';
import { Arena } from '../../../core/program/arena.js';
import { ModelMemory, runModel } from '../../../core/program/model.js';
import { Program } from '../../../core/program/program.js';

/** One system call. */
export interface ModelCall {
  readonly name: SyscallName;
  /** Six words, those that the call does not have are 0. */
  readonly args: readonly bigint[];
  /** Memory of the program, to read and write. @throws ProgramFault for an address that it does not have */
  bytes(address: bigint, size: number): Buffer;
}

/** What a call answers: its result, or the name of an error. */
export type ModelAnswer = number | bigint | ErrnoName;
export type ModelCalls = { readonly [N in SyscallName]?: (call: ModelCall) => ModelAnswer };

/** Where the memory of every program begins. */
const BASE = 0x7f00_0000_0000;
const SIZE = 64 * 1024;

const NAMES: ReadonlyMap<number, SyscallName> = new Map(
  Object.entries(arch.syscalls).map(([name, nr]) => [nr, name as SyscallName] as const),
);

export class ModelKernel {
  /** Calls in order, as `name`, with what they answered. */
  readonly calls: { readonly name: SyscallName; readonly args: readonly bigint[]; readonly answer: ModelAnswer }[] = [];
  /** The programs that were run, as text with results (one call a line). */
  readonly programs: string[] = [];

  constructor(private readonly answers: ModelCalls) {}

  /** For HostDoubleOptions.run, and as `run` of a SeedTask. @throws CrError as the engine does; Error for a call that the test did not foresee */
  readonly run = async <T>(name: string, emit: (program: SyscallProgram) => T): Promise<T> => {
    const buffer = new ArrayBuffer(SIZE);
    const arena = new Arena({ buffer, addr: BigInt(BASE) }, BASE);
    const program = new Program(name, arena);
    const value = emit(program);
    program.end();
    const memory = new ModelMemory(BigInt(BASE), arena.bytes);
    const status = runModel(memory, program.address - BASE, (nr, args) => this.answer(name, nr, args, memory));
    this.programs.push(program.text());
    program.check(status);
    return Promise.resolve(value);
  };

  private answer(program: string, nr: number, args: readonly bigint[], memory: ModelMemory): bigint {
    const name = NAMES.get(nr);
    const answer = name && this.answers[name];
    if (!answer)
      throw new Error(
        `program ${program} calls ${name ?? `number ${nr}`}; the test's kernel knows ${Object.keys(this.answers).join(', ')}`,
      );
    const given = answer({ name, args, bytes: (address, size) => memory.at(address, size) });
    this.calls.push({ name, args: [...args], answer: given });
    return typeof given === 'string' ? BigInt(-errnoNumber(given)) : BigInt(given);
  }
}
