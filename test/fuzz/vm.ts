/**
 * Fuzzes the interpreter: random programs, and valid ones with mutated words. Those that the verifier accepts run twice, in vm.c compiled for the host
 * under ASan and UBSan (vm-host.c), and in the model. Neither may touch anything outside the arena, and both must leave the same memory and status.
 * All programs, before and after they ran, must read back from their text form.
 *   node dist/test/fuzz/vm.js [seed] [batches]
 * The seed decides everything, so a failure is repeated by its line of output.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arch } from '../../core/arch/current.js';
import { writeCell, type CellWords } from '../../core/program/cells.js';
import { CELL_SIZE, KIND, OP, POLICY } from '../../core/program/isa.js';
import { ModelMemory, runModel } from '../../core/program/model.js';
import { formatProgram, parseProgram } from '../../core/program/text.js';
import { explain, verify, type VerifyLimits } from '../../core/program/verify.js';
import { repository } from '../helpers/run-command.js';
import { random, type Next } from '../unit/images/samples.js';
import { FuzzKernel } from './vm-kernel.js';

/** As in vm-host.c. */
const BASE = 0x10000000;
const SIZE = 65536;
const CODE = 16384;
const PAGE = 4096;
const BATCH = 200;
/** Retries are bounded by the sum of all limits, so small limits keep a case short. */
const LIMITS: VerifyLimits = { memory: [{ start: BASE, end: BASE + SIZE }], address: BASE, maxRetries: 20, ownMappings: false };
const CALLS = Object.values(arch.syscalls);
const VECTORED = [arch.syscalls.readv, arch.syscalls.writev, arch.syscalls.preadv, arch.syscalls.pwritev];
const OPS = Object.values(OP).filter((op) => op !== OP.end);
const HEAD = 8;
const TAIL = 16;

/** What happened, to see that the fuzzer reaches both sides. */
export interface VmFuzzCount {
  run: number;
  refused: number;
  failed: number;
}

/** Builds vm-host under sanitizers into `folder`. */
export function buildHost(folder: string): string {
  const host = join(folder, 'vm-host');
  const sources = ['test/fuzz/vm-host.c', 'native/blob/vm.c'].map((file) => join(repository, file));
  const flags = ['-DVM_HOST', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  execFileSync(process.env.CC ?? 'cc', [...flags, '-o', host, ...sources], { stdio: ['ignore', 'inherit', 'inherit'] });
  return host;
}

function pick<T>(list: ArrayLike<T>, next: Next): T {
  return list[next(list.length)]!;
}

/** Mostly inside the data part, at its edges sometimes, rarely anywhere. */
function address(next: Next, size: number, align: number): bigint {
  const room = SIZE - CODE - size;
  const at = next(8) === 0 ? pick([0, room], next) : next(Math.max(1, room + 1));
  const wild = next(200) === 0 ? next(PAGE * 2) - PAGE : 0;
  return BigInt(BASE + CODE + Math.floor(at / align) * align + wild);
}

function value(next: Next): bigint {
  const kind = next(4);
  if (kind === 0) return BigInt(next(256));
  if (kind === 1) return -BigInt(next(4100));
  if (kind === 2) return BigInt(BASE + next(SIZE));
  return BigInt.asIntN(64, (BigInt(next(2 ** 31)) << 33n) ^ BigInt(next(2 ** 31)));
}

interface Draft {
  cell: CellWords;
  args: bigint[];
  kinds: number[];
}

/** An operand of any kind that the verifier takes. */
function setOperand(draft: Draft, n: number, index: number, next: Next): void {
  const kind = next(3);
  if (kind === 0 && index > 0) [draft.kinds[n], draft.args[n]] = [KIND.result, BigInt(next(index))];
  else if (kind === 1) {
    const wide = next(2) === 0;
    [draft.kinds[n], draft.args[n]] = [wide ? KIND.word64 : KIND.word32, address(next, 8, 1)];
  } else draft.args[n] = value(next);
}

function policyOf(op: number, next: Next): { policy: number; aux: number } {
  const tolerant = op === OP.syscall || op === OP.io_all || op === OP.wait || op === OP.cow_fill;
  // Mostly `ignore`: a program that fails early tests little.
  const policy = next(8) === 0 ? POLICY.must : tolerant && next(4) === 0 ? POLICY.tolerate : POLICY.ignore;
  if (policy === POLICY.tolerate) return { policy, aux: 1 + next(133) };
  if (op === OP.store || op === OP.load) return { policy, aux: pick([1, 2, 4, 8], next) };
  return { policy, aux: op === OP.spawn ? next(2) : 0 };
}

/** One random cell that keeps the rules, but for a few wild addresses. */
function randomCell(index: number, count: number, next: Next): CellWords {
  const op = pick(OPS, next);
  const args = [0n, 0n, 0n, 0n, 0n, 0n];
  const kinds = [0, 0, 0, 0, 0, 0];
  const nr = op === OP.io_all ? pick(VECTORED, next) : op === OP.syscall ? pick(CALLS, next) : 0;
  const cell: CellWords = { op, kinds, nr, result: 0n, args, ...policyOf(op, next) };
  const draft: Draft = { cell, args, kinds };
  const free = (...which: number[]) => which.forEach((n) => setOperand(draft, n, index, next));
  fillArguments(draft, { index, count, free, next });
  return cell;
}

interface Place {
  readonly index: number;
  readonly count: number;
  readonly free: (...which: number[]) => void;
  readonly next: Next;
}

function fillArguments({ cell, args }: Draft, { index, count, free, next }: Place): void {
  switch (cell.op) {
    case OP.syscall:
      return free(0, 1, 2, 3, 4, 5);
    case OP.store:
      free(1);
      args[0] = address(next, 8, 1);
      return;
    case OP.load:
      args[0] = address(next, 8, 1);
      return;
    case OP.add:
      return free(0, 1);
    case OP.expect:
      return free(0, 1, 2);
    case OP.branch:
      free(0, 1, 2);
      if (next(2) === 0) [args[1], args[2]] = [0n, 0n];
      args[3] = BigInt(index + 1 + next(Math.max(1, Math.min(6, count - index - 1))));
      return;
    case OP.retry:
      free(0, 1, 2);
      if (next(2) === 0) [args[1], args[2]] = [0n, 0n];
      [args[3], args[4]] = [BigInt(Math.max(0, index - 1 - next(6))), BigInt(1 + next(20))];
      return;
    default:
      return fillMemoryArguments(cell.op, args, free, next);
  }
}

function fillMemoryArguments(op: number, args: bigint[], free: (...which: number[]) => void, next: Next): void {
  const length = pick([0, 1, 7, 8, 64, 1000, PAGE, SIZE - CODE], next);
  if (op === OP.fill) {
    free(1);
    [args[0], args[2]] = [address(next, length, 1), BigInt(length)];
  } else if (op === OP.copy) {
    const from = address(next, length, 1);
    const near = from + BigInt(next(65) - 32);
    [args[0], args[1], args[2]] = [next(2) === 0 ? address(next, length, 1) : near, from, BigInt(length)];
  } else if (op === OP.io_all) {
    const count = next(5);
    free(0, 3);
    [args[1], args[2]] = [address(next, count * 16, 8), BigInt(count)];
  } else if (op === OP.wait || op === OP.wake) {
    free(1);
    [args[0], args[2]] = [address(next, 4, 4), BigInt(next(2) * next(2_000_000_000))];
  } else if (op === OP.spawn) {
    [args[0], args[1], args[2]] = [address(next, 88, 8), 88n, address(next, 64, 64)];
  } else if (op === OP.cow_fill) {
    free(0, 1);
    const pages = next(4);
    [args[2], args[3]] = [address(next, pages * PAGE, 8), BigInt(pages * PAGE)];
    [args[4], args[5]] = [address(next, 2 * PAGE, 8), BigInt((1 + next(2)) * PAGE)];
  }
}

/** A whole arena: a random program, data behind it that looks like iovecs and small words. */
function randomArena(next: Next): { bytes: Buffer; count: number } {
  const bytes = Buffer.alloc(SIZE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, SIZE);
  const count = 2 + next(40);
  for (let i = 0; i < count - 1; i++) writeCell(view, i, randomCell(i, count, next));
  for (let at = CODE; at < SIZE; at += 8) {
    const kind = next(4);
    if (kind === 1) bytes.writeUInt32LE(next(600), at);
    else if (kind === 2) bytes.writeBigInt64LE(value(next), at);
  }
  return { bytes, count };
}

/** Changes some bits of the program. */
function mutate(bytes: Buffer, count: number, next: Next): void {
  for (let i = next(4); i > 0; i--) {
    const at = next(count * CELL_SIZE);
    bytes[at] = next(2) === 0 ? next(256) : bytes[at]! ^ (1 << next(8));
  }
}

interface Case {
  readonly bytes: Buffer;
  readonly count: number;
  readonly seed: number;
}

/** A case that the verifier accepts, or null. What it refuses must be explainable. */
function nextCase(next: Next): Case | null {
  const { bytes, count } = randomArena(next);
  if (next(2) === 0) mutate(bytes, count, next);
  const view = new DataView(bytes.buffer, bytes.byteOffset, SIZE);
  const problems = verify(view, 0, count, LIMITS);
  if (problems.length > 0) explain(view, 0, problems);
  return problems.length > 0 ? null : { bytes, count, seed: next(2 ** 31) };
}

/** What the model leaves of a case. */
function model(one: Case): { status: number; calls: number; memory: ModelMemory } {
  const memory = new ModelMemory(BigInt(BASE), Buffer.from(one.bytes));
  const kernel = new FuzzKernel(one.seed);
  return { status: runModel(memory, 0, kernel.answer), calls: kernel.calls, memory };
}

function describe(one: Case): string {
  return formatProgram('program', new DataView(one.bytes.buffer, one.bytes.byteOffset, SIZE), 0, one.count);
}

/** Text and back, before and after the run: the trace of a run is a stored program too. */
function checkText(bytes: Buffer, count: number): void {
  const text = formatProgram('program', new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, count);
  if (!parseProgram(text).cells.equals(bytes.subarray(0, count * CELL_SIZE)))
    throw new Error(`the text form reads back to other words:\n${text}`);
}

/** Damaged text gives cells, which then have a text form that reads back, or a SyntaxError. */
function checkDamagedText(one: Case, next: Next): void {
  const text = Buffer.from(describe(one));
  for (let i = 1 + next(3); i > 0; i--) text[next(text.length)] = pick(text, next);
  let cells: Buffer;
  try {
    ({ cells } = parseProgram(text.toString()));
  } catch (error) {
    if (error instanceof SyntaxError) return;
    throw error;
  }
  checkText(cells, cells.length / CELL_SIZE);
}

function compare(one: Case, answer: Buffer): boolean {
  const status = Number(answer.readBigInt64LE());
  const calls = answer.readUInt32LE(8);
  const after = answer.subarray(TAIL);
  const want = model(one);
  if (want.status !== status || want.calls !== calls || !want.memory.bytes.equals(after)) {
    const at = after.findIndex((byte, i) => byte !== want.memory.bytes[i]);
    const where = at >= 0 && at < CODE ? `cell ${Math.floor(at / CELL_SIZE)}` : `byte ${at}`;
    throw new Error(
      `vm.c: status ${status}, ${calls} calls; model: status ${want.status}, ${want.calls} calls; first difference at ${where}\n${describe(one)}`,
    );
  }
  checkText(one.bytes, one.count);
  checkText(after, one.count);
  return status < 0;
}

function runBatch(host: string, cases: readonly Case[], count: VmFuzzCount): void {
  const input = Buffer.concat(
    cases.flatMap((one) => {
      const head = Buffer.alloc(HEAD);
      head.writeUInt32LE(one.seed, 4);
      return [head, one.bytes];
    }),
  );
  const done = spawnSync(host, { input, maxBuffer: cases.length * (TAIL + SIZE) + 1, timeout: 60_000 });
  const answered = Math.floor(done.stdout.length / (TAIL + SIZE));
  for (let i = 0; i < answered; i++) {
    const answer = done.stdout.subarray(i * (TAIL + SIZE), (i + 1) * (TAIL + SIZE));
    if (compare(cases[i]!, answer)) count.failed++;
    count.run++;
  }
  // Output is buffered, so the case that ended the process is one of those without an answer.
  if (done.status !== 0 || answered !== cases.length)
    throw new Error(`vm-host ended with ${done.status ?? done.signal} after case ${answered}:\n${done.stderr.toString().slice(0, 4000)}`);
}

/** Runs `batches` times 200 accepted programs. Throws an Error that shows the program when something differs. */
export function fuzzVm(seed: number, batches: number, host: string): VmFuzzCount {
  const count: VmFuzzCount = { run: 0, refused: 0, failed: 0 };
  for (let batch = 0; batch < batches; batch++) {
    const next = random((seed * 1_000_003 + batch) | 0);
    const cases: Case[] = [];
    while (cases.length < BATCH) {
      const one = nextCase(next);
      if (one) cases.push(one);
      else count.refused++;
    }
    try {
      runBatch(host, cases, count);
      for (const one of cases) checkDamagedText(one, next);
    } catch (error) {
      throw new Error(`seed ${seed}, batch ${batch}`, { cause: error });
    }
  }
  return count;
}

if (process.argv[1] === import.meta.filename) {
  const [seed = '1', batches = '20'] = process.argv.slice(2);
  const folder = mkdtempSync(join(tmpdir(), 'criu-ts-vm-'));
  try {
    const { run, refused, failed } = fuzzVm(Number(seed), Number(batches), buildHost(folder));
    process.stdout.write(`seed ${seed}: ${run} run (${failed} ended with a failed call), ${refused} refused\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
