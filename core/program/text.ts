/**
 * The text form of programs, for logs, traces and stored test programs. One line a cell; the parser reads it back to the same words.
 * ```
 *   3  openat(-100, 0x7f20a000, 0, 0) must = -2
 *   4  *store/4(0x7f20a040, r3) must = 0
 * ```
 * Operands: a number, `rN` (result of cell N), `[addr]` (64-bit word), `[addr]:4` (32-bit word). Names with `*` are ops, others system calls.
 */
import { ERRNO, errnoName } from '../abi/errno.js';
import type { SyscallName } from '../abi/syscalls.js';
import { arch } from '../arch/current.js';
import { ARG_COUNT, readCell, writeCell, type CellWords } from './cells.js';
import { CELL_SIZE, KIND, OP, POLICY } from './isa.js';

const syscallNames = new Map<number, string>(Object.entries(arch.syscalls).map(([name, nr]) => [nr, name]));
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

/** One cell as text. Unknown numbers are shown as such, never hidden: every cell reads back to the same words. */
export function formatCell(index: number, cell: CellWords): string {
  const args = cell.args.map((arg, i) => operand(cell.kinds[i] ?? 0, arg));
  while (args.length > 0 && args.at(-1) === '0') args.pop();
  const policy = policyNames.get(cell.policy) ?? `policy${cell.policy}`;
  const tolerated = cell.policy === POLICY.tolerate ? `(${toleratedName(cell.aux)})` : '';
  return `${String(index).padStart(4)}  ${nameOf(cell)}(${args.join(', ')}) ${policy}${tolerated} = ${number(cell.result)}`;
}

/** `openat`, `*store/4`, `*io_all:preadv`: `aux` is the number of the tolerated errno where the policy says so, else a width or a mode. */
function nameOf(cell: CellWords): string {
  const call = syscallNames.get(cell.nr) ?? `nr${cell.nr}`;
  const aux = cell.aux !== 0 && cell.policy !== POLICY.tolerate ? `/${cell.aux}` : '';
  if (cell.op === OP.syscall) return call + aux;
  const op = opNames.get(cell.op) ?? `op${cell.op}`;
  return `*${op}${cell.op === OP.io_all || cell.nr !== 0 ? `:${call}` : ''}${aux}`;
}

function toleratedName(errno: number): string {
  const name = errnoName(errno);
  return Object.hasOwn(ERRNO, name) ? name : String(errno);
}

/** The program of `count` cells at byte `start` of `view`. */
export function formatProgram(name: string, view: DataView, start: number, count: number): string {
  const lines = [name];
  for (let i = 0; i < count; i++) lines.push(formatCell(i, readCell(view, i, start)));
  return `${lines.join('\n')}\n`;
}

const LINE = /^ *(\d+) {2}(\*?)(\w+)(?::(\w+))?(?:\/(\d+))?\(([^)]*)\) (\w+)(?:\((\w+)\))? = (\S+)$/;
const NUMBER = /^(?:-?\d+|0x[0-9a-f]+)$/;
const MAX_LINES = 1 << 16;
const U8 = 0xff;
const U16 = 0xffff;

/** Reads a text form back. Throws SyntaxError with the line number. */
export function parseProgram(text: string): { name: string; cells: Buffer } {
  const lines = text.trimEnd().split('\n', MAX_LINES + 1);
  if (lines.length > MAX_LINES) throw new SyntaxError(`more than ${MAX_LINES} lines`);
  const cells = Buffer.alloc((lines.length - 1) * CELL_SIZE);
  const view = new DataView(cells.buffer, cells.byteOffset, cells.length);
  lines.slice(1).forEach((line, i) => writeCell(view, i, parseLine(line, i)));
  return { name: lines[0] ?? '', cells };
}

function parseLine(line: string, index: number): CellWords {
  const m = LINE.exec(line);
  const bad = (what: string) => new SyntaxError(`line ${index + 2}: ${what}: ${line}`);
  if (!m || Number(m[1]) !== index || !NUMBER.test(m[9]!)) throw bad('not a cell');
  const isOp = m[2] === '*';
  const op = isOp ? (opCodes.get(m[3]!) ?? numbered('op', m[3]!)) : OP.syscall;
  const call = isOp ? m[4] : m[3];
  const nr = call === undefined ? 0 : syscallNumber(call);
  const policy = policyCodes.get(m[7]!) ?? numbered('policy', m[7]!);
  const aux = m[8] === undefined ? Number(m[5] ?? 0) : tolerated(m[8]);
  if (op === undefined || nr === undefined || policy === undefined || aux === undefined) throw bad('unknown name');
  if (op > U16 || nr > U16 || policy > U8 || aux > U8) throw bad('number too large');
  const operands = m[6] === '' ? [] : m[6]!.split(', ').map((text) => parseOperand(text) ?? { kind: -1, value: 0n });
  if (operands.length > ARG_COUNT || operands.some((o) => o.kind < 0)) throw bad('not six operands');
  while (operands.length < ARG_COUNT) operands.push({ kind: KIND.constant, value: 0n });
  return { op, nr, policy, aux, result: BigInt(m[9]!), kinds: operands.map((o) => o.kind), args: operands.map((o) => o.value) };
}

function tolerated(name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name);
  return Object.hasOwn(ERRNO, name) ? ERRNO[name as keyof typeof ERRNO] : undefined;
}

/** The number of `op99`, `policy3` or `nr512`. */
function numbered(prefix: string, text: string): number | undefined {
  return text.startsWith(prefix) && /^\d+$/.test(text.slice(prefix.length)) ? Number(text.slice(prefix.length)) : undefined;
}

function syscallNumber(name: string): number | undefined {
  return Object.hasOwn(arch.syscalls, name) ? arch.syscalls[name as SyscallName] : numbered('nr', name);
}

function parseOperand(text: string): { kind: number; value: bigint } | null {
  const m = /^(?:r(.+)|\[(.+)\](:4)?|([^r[].*))$/.exec(text);
  const value = m?.[1] ?? m?.[2] ?? m?.[4];
  if (value === undefined || !NUMBER.test(value)) return null;
  const kind = m![1] !== undefined ? KIND.result : m![2] === undefined ? KIND.constant : m![3] ? KIND.word32 : KIND.word64;
  return { kind, value: BigInt(value) };
}
