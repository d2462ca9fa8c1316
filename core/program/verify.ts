/**
 * The verifier: refuses a program before anything runs it. It needs only the cells, so it also guards programs from the parser and from plugins.
 */
import { SYSCALLS } from '../abi/syscalls.js';
import { readCell, type CellWords } from './cells.js';
import { KIND, OP, POLICY } from './isa.js';
import { formatCell } from './text.js';

export interface Problem {
  readonly index: number;
  readonly what: string;
}

const knownOps = new Set<number>(Object.values(OP));
const knownPolicies = new Set<number>(Object.values(POLICY));
const WIDTHS = new Set([1, 2, 4, 8]);
const ANY_CHILD = -1n;
const WNOTHREAD = 0x20000000n;
/** A retry that runs longer hides a hang. */
const MAX_RETRIES = 1_000_000n;

/** Problems of `count` cells at byte `start`; none means that the program may run. */
export function verify(view: DataView, start: number, count: number): Problem[] {
  const problems: Problem[] = [];
  const closed = new Set<bigint>();
  for (let i = 0; i < count; i++) {
    const cell = readCell(view, i, start);
    for (const what of problemsOf(cell, i, count)) problems.push({ index: i, what });
    trackDescriptor(cell, closed, (what) => problems.push({ index: i, what }));
  }
  const last = count === 0 ? null : readCell(view, count - 1, start);
  if (!last || last.op !== OP.end) problems.push({ index: Math.max(0, count - 1), what: 'the program does not end' });
  return problems;
}

function* problemsOf(cell: CellWords, index: number, count: number): Generator<string> {
  if (!knownOps.has(cell.op)) yield `unknown op ${cell.op}`;
  if (!knownPolicies.has(cell.policy)) yield `unknown policy ${cell.policy}`;
  for (const [i, kind] of cell.kinds.entries()) {
    if (kind === KIND.result && (cell.args[i]! < 0n || cell.args[i]! >= BigInt(index)))
      yield `argument ${i} uses the result of cell ${cell.args[i]}, which is not before it`;
    if ((kind === KIND.word32 || kind === KIND.word64) && cell.args[i]! <= 4095n) yield `argument ${i} reads memory at ${cell.args[i]}`;
  }
  if ((cell.op === OP.store || cell.op === OP.load) && !WIDTHS.has(cell.aux)) yield `width ${cell.aux} is not 1, 2, 4 or 8`;
  if (cell.op === OP.branch && (cell.args[3]! <= BigInt(index) || cell.args[3]! >= BigInt(count)))
    yield `branch to ${cell.args[3]} does not go forward`;
  if (cell.op === OP.retry && (cell.args[3]! >= BigInt(index) || cell.args[3]! < 0n)) yield `retry to ${cell.args[3]} does not go back`;
  if (cell.op === OP.retry && (cell.args[4]! <= 0n || cell.args[4]! > MAX_RETRIES))
    yield `retry limit ${cell.args[4]} is not between 1 and ${MAX_RETRIES}`;
  // wait4(-1) in a process with Node in it would reap children of child_process; __WNOTHREAD limits it to our own thread's.
  if (isCall(cell, 'wait4') && cell.kinds[0] === KIND.constant && cell.args[0] === ANY_CHILD && (cell.args[2]! & WNOTHREAD) === 0n)
    yield 'wait4(-1) without __WNOTHREAD';
}

function isCall(cell: CellWords, name: keyof typeof SYSCALLS): boolean {
  return cell.op === OP.syscall && cell.nr === SYSCALLS[name].x64;
}

/** A descriptor that one cell made and another closed must not be used again. */
function trackDescriptor(cell: CellWords, closed: Set<bigint>, report: (what: string) => void): void {
  for (const [i, kind] of cell.kinds.entries())
    if (kind === KIND.result && closed.has(cell.args[i]!)) report(`argument ${i} uses the descriptor of cell ${cell.args[i]} after close`);
  if (isCall(cell, 'close') && cell.kinds[0] === KIND.result) closed.add(cell.args[0]!);
}

/** Problems as text, each with its cell. */
export function explain(view: DataView, start: number, problems: readonly Problem[]): string {
  return problems.map((p) => `${formatCell(p.index, readCell(view, p.index, start))}\n      ^ ${p.what}`).join('\n');
}
