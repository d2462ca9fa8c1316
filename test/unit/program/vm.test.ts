import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadNative } from '../../../core/kernel/native.js';
import { Arena } from '../../../core/program/arena.js';
import { CELL, CELL_SIZE, OP } from '../../../core/program/isa.js';
import { ModelMemory, runModel } from '../../../core/program/model.js';
import { Program } from '../../../core/program/program.js';
import { formatProgram, parseProgram } from '../../../core/program/text.js';
import { SYSCALLS, type SyscallName } from '../../../core/abi/syscalls.js';
import { arch } from '../../../core/arch/current.js';

const native = loadNative();

/** What this process's kernel answers to the calls that the tests make. */
function answer(nr: number): bigint {
  if (nr === arch.syscalls.getpid) return BigInt(process.pid);
  if (nr === arch.syscalls.close) return -9n;
  if (nr === arch.syscalls.openat) return -2n;
  throw new Error(`the test did not expect system call ${nr}`);
}

/** Runs the program in C and in the model and demands identical memory. */
function differential(emit: (p: Program) => void): { status: number; program: Program; arena: Arena } {
  const mapping = native.mapAnon(1 << 16);
  const arena = new Arena(mapping, Number(mapping.addr));
  const program = new Program('test', arena);
  emit(program);
  program.end();
  assert.deepEqual(program.problems(), []);
  const before = Buffer.from(arena.bytes);
  const status = native.runHere(BigInt(program.address));
  const start = program.address - arena.base;
  const memory = new ModelMemory(BigInt(arena.base), before);
  assert.equal(runModel(memory, start, answer), status);
  assert.ok(memory.bytes.equals(arena.bytes), 'model and blob leave different memory');
  return { status, program, arena };
}

test('results, words and stores are operands', () => {
  const { status, program } = differential((p) => {
    const pid = p.sys.getpid().must('ask for the pid');
    const out = p.out(32);
    p.store(out.at(0), pid, 8);
    p.store(out.at(8), -2, 4);
    const sum = p.add(out.word64(0), 5);
    p.expect(sum, -1, p.add(pid, 5), 'sums are equal');
    p.expect(out.word32(8), -1, -2, '32-bit words are sign-extended');
    p.store(out.at(16), p.load(out.at(8), 2), 8);
    p.expect(out.word64(16), -1, 0xfffe, 'loads are zero-extended');
  });
  assert.equal(status, program.length - 1);
});

test('a failing call ends the program at its cell and names errno and reason', () => {
  const { status, program } = differential((p) => {
    p.sys.getpid().must('warm up');
    p.sys.close(-1).must('close the descriptor');
    p.sys.getpid().must('never reached');
  });
  assert.equal(status, ~1);
  const error = program.failure(status, { subject: { pid: 7 } });
  assert.match(error.report(), /pid 7: cannot close the descriptor \(program test op 1\)\n {2}close\(-1\) = EBADF/);
});

test('tolerate lets exactly one errno pass', () => {
  assert.ok(differential((p) => p.sys.close(-1).tolerate('EBADF', 'it may be closed')).status >= 0);
  assert.equal(differential((p) => p.sys.close(-1).tolerate('ENOENT', 'no')).status, ~0);
});

test('branch skips, retry repeats until its limit', () => {
  const skipped = differential((p) => {
    const label = p.branch(1, 1, 1);
    p.sys.close(-1).must('skipped');
    p.place(label);
    p.sys.getpid().must('reached');
  });
  assert.ok(skipped.status >= 0);
  const limited = differential((p) => {
    const first = p.length;
    p.sys.getpid().must('again');
    p.retry(0, 0, 0, first, 3, 'give up');
  });
  assert.equal(limited.status, ~1);
  assert.equal(limited.program.resultOf(1), -11);
});

test('a program that states no policy is refused', () => {
  const mapping = native.mapAnon(4096);
  const p = new Program('lax', new Arena(mapping, Number(mapping.addr)));
  p.sys.getpid();
  assert.throws(() => p.end(), /states no failure policy/);
});

test('random programs of memory ops leave what the model leaves', () => {
  let seed = 12345;
  const random = (n: number) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;
  for (let round = 0; round < 200; round++) {
    differential((p) => {
      const area = p.out(256);
      for (let i = 0; i < 24; i++) {
        const width = ([1, 2, 4, 8] as const)[random(4)]!;
        const at = area.at(random(248));
        const value =
          p.length > 0 && random(3) === 0 ? p.load(at, width) : random(2) ? random(1 << 30) - (1 << 29) : area.word32(random(252));
        switch (random(5)) {
          case 0:
            p.store(at, value, width);
            break;
          case 1:
            p.add(value, area.word64(random(248)));
            break;
          case 2:
            p.fill(area.at(random(100)), random(256), random(100));
            break;
          case 3:
            p.copyMemory(area.at(random(100)), area.at(random(100)), random(100));
            break;
          default:
            p.emit(OP.expect, 0, [value, 0xff, random(256)], 'expect').ignore('either way');
        }
      }
    });
  }
});

test('the text form reads back to the same words', () => {
  const { program, arena } = differential((p) => {
    const out = p.out(16);
    p.sys.openat(-100, p.cstr('/nonexistent'), 0, 0).tolerate('ENOENT', 'not there');
    p.store(out, p.sys.getpid().must('pid'), 4);
    p.expect(out.word32(), 0, 0, 'always');
    p.place(p.branch(out.word64(), 0, 0));
  });
  const start = program.address - arena.base;
  const text = formatProgram('test', arena.view, start, program.length);
  const parsed = parseProgram(text);
  assert.ok(parsed.cells.equals(arena.bytes.subarray(start, start + program.length * CELL_SIZE)), text);
});

test('every number in the system call table is distinct and below the table size', () => {
  const seen = new Map<number, string>();
  for (const [name, row] of Object.entries(SYSCALLS)) {
    const nr = arch.syscalls[name as SyscallName];
    assert.ok(!seen.has(nr), `${name} and ${seen.get(nr)} are both ${nr}`);
    seen.set(nr, name);
    assert.ok(row.args.length <= 6 && nr < 512);
  }
  assert.equal(CELL.args + 6 * 8, CELL_SIZE);
});
