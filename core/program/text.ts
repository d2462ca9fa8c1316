/**
 * The text form of programs, for logs, traces and stored test programs. One line a cell; the parser reads it back to the same words.
 * ```
 *   3  openat(-100, 0x7f20a000, 0, 0) must = -2
 *   4  *store/4(0x7f20a040, r3) must = 0
 * ```
 * Operands: a number, `rN` (result of cell N), `[addr]` (64-bit word), `[addr]:4` (32-bit word). Names with `*` are ops, others system calls.
 */
import { errnoName } from '../abi/errno.js';
import { SYSCALLS } from '../abi/syscalls.js';
import { ARG_COUNT, readCell, writeCell, type CellWords } from './cells.js';
import { CELL_SIZE, KIND, OP, POLICY } from './isa.js';

const syscallNames = new Map<number, string>(Object.entries(SYSCALLS).map(([name, row]) => [row.x64, name]));
const opNames = new Map<number, string>(Object.entries(OP).map(([name, code]) => [code, name]));
const policyNames = new Map<number, string>(Object.entries(POLICY).map(([name, code]) => [code, name]));
const opCodes = new Map<string, number>(Object.entries(OP));
const policyCodes = new Map<string, number>(Object.entries(POLICY));

function number(value: bigint): string {
  return value > -4096n && value < 4096n ? value.toString() : `0x${BigInt.asUintN(64, value).toString(16)}`;
}

function operand(kind: number, value: bigint): string {
  if (kind === KIND.result) return `r${value}`;
  if (kind === KIND.word64) return `[${number(value)}]`;
  if (kind === KIND.word32) return `[${number(value)}]:4`;
  return number(value);
}

/** One cell as text. Unknown numbers are shown as such, never hidden. */
export function formatCell(index: number, cell: CellWords): string {
  const args = cell.args.map((arg, i) => operand(cell.kinds[i] ?? 0, arg));
  while (args.length > 0 && args.at(-1) === '0') args.pop();
  const op = opNames.get(cell.op) ?? `op${cell.op}`;
  const call = cell.op === OP.syscall || cell.op === OP.io_all ? (syscallNames.get(cell.nr) ?? `nr${cell.nr}`) : '';
  const name = cell.op === OP.syscall ? call : `*${op}${call === '' ? '' : `:${call}`}${cell.aux !== 0 ? `/${cell.aux}` : ''}`;
  const tolerated = cell.op === OP.syscall && cell.policy === POLICY.tolerate ? `(${errnoName(cell.aux)})` : '';
  return `${String(index).padStart(4)}  ${name}(${args.join(', ')}) ${policyNames.get(cell.policy) ?? cell.policy}${tolerated} = ${number(cell.result)}`;
}

/** The program of `count` cells at byte `start` of `view`. */
export function formatProgram(name: string, view: DataView, start: number, count: number): string {
  const lines = [name];
  for (let i = 0; i < count; i++) lines.push(formatCell(i, readCell(view, i, start)));
  return `${lines.join('\n')}\n`;
}

const LINE = /^ *(\d+) {2}(\*?)(\w+)(?::(\w+))?(?:\/(\d+))?\(([^)]*)\) (\w+)(?:\((\w+)\))? = (\S+)$/;
const MAX_LINES = 1 << 16;

/** Reads a text form back. Throws SyntaxError with the line number. */
export function parseProgram(text: string): { name: string; cells: Buffer } {
  const lines = text.trimEnd().split('\n', MAX_LINES);
  const cells = Buffer.alloc((lines.length - 1) * CELL_SIZE);
  const view = new DataView(cells.buffer, cells.byteOffset, cells.length);
  lines.slice(1).forEach((line, i) => writeCell(view, i, parseLine(line, i)));
  return { name: lines[0] ?? '', cells };
}

function parseLine(line: string, index: number): CellWords {
  const m = LINE.exec(line);
  const bad = (what: string) => new SyntaxError(`line ${index + 2}: ${what}: ${line}`);
  if (!m || Number(m[1]) !== index) throw bad('not a cell');
  const isOp = m[2] === '*';
  const op = isOp ? opCodes.get(m[3]!) : OP.syscall;
  const call = isOp ? m[4] : m[3];
  const nr = call === undefined ? 0 : syscallNumber(call);
  const policy = policyCodes.get(m[7]!);
  if (op === undefined || nr === undefined || policy === undefined) throw bad('unknown name');
  const operands = m[6] === '' ? [] : m[6]!.split(', ').map(parseOperand);
  while (operands.length < ARG_COUNT) operands.push({ kind: KIND.constant, value: 0n });
  const aux = m[8] === undefined ? Number(m[5] ?? 0) : tolerated(m[8]);
  return { op, nr, policy, aux, result: BigInt(m[9]!), kinds: operands.map((o) => o.kind), args: operands.map((o) => o.value) };
}

function tolerated(name: string): number {
  for (let errno = 1; errno < 256; errno++) if (errnoName(errno) === name) return errno;
  throw new SyntaxError(`no errno is called ${name}`);
}

function syscallNumber(name: string): number | undefined {
  if (name in SYSCALLS) return SYSCALLS[name as keyof typeof SYSCALLS].x64;
  return /^nr\d+$/.test(name) ? Number(name.slice(2)) : undefined;
}

function parseOperand(text: string): { kind: number; value: bigint } {
  if (text.startsWith('r')) return { kind: KIND.result, value: BigInt(text.slice(1)) };
  if (text.endsWith(']:4')) return { kind: KIND.word32, value: BigInt(text.slice(1, -3)) };
  if (text.startsWith('[')) return { kind: KIND.word64, value: BigInt(text.slice(1, -1)) };
  return { kind: KIND.constant, value: BigInt(text) };
}
