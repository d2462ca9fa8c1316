/**
 * One dump or restore in which something goes wrong at one op of one program, in a process of its own, so that a hang can be ended from outside.
 *   node dist/test/helpers/fault-run.js dump PID FOLDER [WHAT PROGRAM RUN OP]
 *   node dist/test/helpers/fault-run.js restore FOLDER [WHAT PROGRAM RUN OP]
 * WHAT happens at OP of the RUN-th program of that name, both counted from 0: `fail` (the op gives an error), `end-tool` (SIGKILL for this process instead
 * of the op) or a pid (SIGKILL for that process, right before the program is handed over). Prints one line of JSON (FaultReport).
 */
import { CrError } from '../../core/errors.js';
import { dump, restore } from '../../core/index.js';
import { CELL, CELL_SIZE, OP } from '../../core/program/isa.js';
import type { ProgramObserver } from '../../core/program/observer.js';
import type { Program } from '../../core/program/program.js';

/** An op: program, how many programs of that name were handed over before, number in the program. */
export type OpPlace = readonly [program: string, run: number, op: number];

export interface FaultReport {
  /** Every op that can fail, in the order in which the programs were handed over. */
  readonly ops: readonly OpPlace[];
  /** Whether the op was there: how often is waited for something is not the same each time. */
  readonly hit: boolean;
  /** Code and message of the error, or null: it did not matter. */
  readonly error: string | null;
  readonly target: string | null;
}

/** No kernel has this system call: ENOSYS. */
const NO_SUCH_CALL = 0x3fff;
/** kill(2) on x86-64. */
const KILL = 62;
const SIGKILL = 9n;
const TIMEOUT_MS = 4000;
/** The others have no result that anybody could look at: there is no error that a kernel could give. */
const CAN_FAIL: ReadonlySet<number> = new Set([OP.syscall, OP.expect, OP.retry, OP.io_all, OP.wait, OP.spawn, OP.cow_fill]);

interface Wanted {
  readonly place: OpPlace;
  readonly what: 'fail' | 'end-tool' | number;
}

class Fault implements ProgramObserver {
  readonly ops: OpPlace[] = [];
  hit = false;
  private readonly runs = new Map<string, number>();
  constructor(private readonly wanted: Wanted | null) {}

  before(program: Program): void {
    const start = program.address - program.arena.base;
    const { view } = program.arena;
    const run = this.runs.get(program.name) ?? 0;
    this.runs.set(program.name, run + 1);
    for (let i = 0; i < program.length; i++) {
      const at = start + i * CELL_SIZE;
      if (!CAN_FAIL.has(view.getUint16(at + CELL.op, true))) continue;
      const place: OpPlace = [program.name, run, i];
      this.ops.push(place);
      if (String(place) !== String(this.wanted?.place)) continue;
      this.hit = true;
      const what = this.wanted?.what;
      if (typeof what === 'number') kill(what);
      else spoil(view, at, what === 'end-tool');
    }
  }
}

function spoil(view: DataView, at: number, endUs: boolean): void {
  view.setUint16(at + CELL.op, OP.syscall, true);
  view.setUint16(at + CELL.nr, endUs ? KILL : NO_SUCH_CALL, true);
  if (!endUs) return;
  view.setUint16(at + CELL.kinds, 0, true);
  view.setBigUint64(at + CELL.args, BigInt(process.pid), true);
  view.setBigUint64(at + CELL.args + 8, SIGKILL, true);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // Not there yet, or not any more.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function wantedOf([what, program, run, op]: readonly string[]): Wanted | null {
  if (what === undefined || program === undefined) return null;
  return { place: [program, Number(run), Number(op)], what: what === 'fail' || what === 'end-tool' ? what : Number(what) };
}

async function main([what, ...words]: readonly string[]): Promise<void> {
  const fault = new Fault(wantedOf(words.slice(what === 'dump' ? 2 : 1)));
  const options = { observer: fault, timeoutMs: TIMEOUT_MS };
  let failure: unknown = null;
  try {
    if (what === 'dump') await dump({ ...options, pid: Number(words[0]), imagesDir: words[1]!, leaveRunning: true, fileLocks: true });
    else await restore({ ...options, imagesDir: words[0]!, detached: true });
  } catch (error) {
    failure = error;
  }
  const text =
    failure instanceof CrError ? `${failure.code}: ${failure.message}` : `NOT A CrError: ${(failure as Error | null)?.stack ?? ''}`;
  const report: FaultReport = {
    ops: fault.ops,
    hit: fault.hit,
    error: failure === null ? null : text,
    target: failure instanceof CrError ? (failure.target ?? null) : null,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

await main(process.argv.slice(2));
