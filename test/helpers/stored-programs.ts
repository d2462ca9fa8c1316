/** Programs stored as text (test/fixtures/programs): put into any arena, and what they leave there in a form that can be compared. */
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { arch } from '../../core/arch/current.js';
import type { Arena } from '../../core/program/arena.js';
import { readCell, type CellWords } from '../../core/program/cells.js';
import { CELL_SIZE, KIND, OP, POLICY } from '../../core/program/isa.js';
import { Operand, Program, type Ptr } from '../../core/program/program.js';
import { parseProgram } from '../../core/program/text.js';
import { repository } from './run-command.js';

/** Stored programs expect their data, DATA_SIZE zeroed bytes, here. */
export const DATA_BASE = 0x10001000;
export const DATA_SIZE = 4096;
const SHORTEST_ADDRESS = 8;

export interface Stored {
  readonly name: string;
  readonly text: string;
  readonly cells: readonly CellWords[];
}

export function storedPrograms(): Stored[] {
  const folder = join(repository, 'test/fixtures/programs');
  return readdirSync(folder).map((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    const { name, cells } = parseProgram(text);
    if (name !== basename(file, '.prog')) throw new Error(`${file} holds a program called ${name}`);
    const view = new DataView(cells.buffer, cells.byteOffset, cells.length);
    return { name, text, cells: Array.from({ length: cells.length / CELL_SIZE }, (_, i) => readCell(view, i)) };
  });
}

function isData(address: bigint): boolean {
  return address >= BigInt(DATA_BASE) && address < BigInt(DATA_BASE + DATA_SIZE);
}

export interface Placed {
  readonly stored: Stored;
  readonly program: Program;
  readonly data: Ptr;
}

/** The program in an arena, sealed and verified. Addresses of data move to where the data is there. */
export function place(stored: Stored, arena: Arena): Placed {
  const program = new Program(stored.name, arena);
  const data = program.out(DATA_SIZE, 64);
  for (const cell of stored.cells.slice(0, -1)) {
    const args = cell.args.map((arg, n) => {
      const value = isData(arg) && cell.kinds[n] !== KIND.result ? arg - BigInt(DATA_BASE) + BigInt(data.addr) : arg;
      return cell.kinds[n] === KIND.constant ? value : new Operand(cell.kinds[n]!, Number(value));
    });
    const isTolerant = cell.policy === POLICY.tolerate;
    const { index } = program.emit(cell.op, cell.nr, args, stored.name, isTolerant ? 0 : cell.aux);
    program.setPolicy(index, cell.policy, cell.aux, `reason "${index}" */ \\ ?`);
  }
  return { stored, program: program.end(), data };
}

export interface Outcome {
  readonly status: number;
  readonly results: readonly bigint[];
  readonly data: string;
}

/** What a run left: addresses as if the data lay at DATA_BASE, and no pid, which differs between the homes of a program. */
export function outcome({ stored, program, data }: Placed, status: number): Outcome {
  const results = stored.cells.map((cell, i) =>
    cell.op === OP.end || (cell.op === OP.syscall && cell.nr === arch.syscalls.getpid) || isAfterPid(stored, i)
      ? 0n
      : program.resultBigOf(i),
  );
  const bytes = data.copy();
  for (let at = 0; at + SHORTEST_ADDRESS <= bytes.length; at += 8) {
    const moved = bytes.readBigUInt64LE(at) - BigInt(data.addr) + BigInt(DATA_BASE);
    if (isData(moved)) bytes.writeBigUInt64LE(moved, at);
  }
  return {
    status,
    results,
    data: bytes
      .toString('hex')
      .replaceAll(/(.{32})/g, '$1\n')
      .replaceAll(/(?:0{32}\n)+/g, '...\n'),
  };
}

/** An `expect` shows what it looked at. */
function isAfterPid({ cells }: Stored, i: number): boolean {
  const { op, kinds, args } = cells[i]!;
  const source = op === OP.expect && kinds[0] === KIND.result ? cells[Number(args[0])] : undefined;
  return source?.op === OP.syscall && source.nr === arch.syscalls.getpid;
}
