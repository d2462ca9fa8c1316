/** Every rule of the verifier has a program that breaks it, and one that just does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrError } from '../../../core/errors.js';
import { Arena } from '../../../core/program/arena.js';
import { readCell, writeCell } from '../../../core/program/cells.js';
import { CELL, CELL_SIZE, OP, POLICY } from '../../../core/program/isa.js';
import { Program } from '../../../core/program/program.js';
import { parseProgram } from '../../../core/program/text.js';
import { explain, verify, type VerifyLimits } from '../../../core/program/verify.js';

const BASE = 0x10000;
const SIZE = 0x10000;
const LIMITS: VerifyLimits = { memory: [{ start: BASE, end: BASE + SIZE }] };

function viewOf(cells: Buffer): DataView {
  return new DataView(cells.buffer, cells.byteOffset, cells.length);
}

/** Lines of the text form without number, policy and result: `*store/4(0x10000, 1)`; a policy may follow. `end` is added. */
function cellsOf(lines: readonly string[]): Buffer {
  const full = [...lines, '*end()'].map((line, i) => `${i}  ${line}${/\) (must|ignore|tolerate)/.test(line) ? '' : ' must'} = 0`);
  return parseProgram(`test\n${full.join('\n')}\n`).cells;
}

function problems(lines: readonly string[], limits: VerifyLimits = LIMITS): string[] {
  const cells = cellsOf(lines);
  return verify(viewOf(cells), 0, cells.length / CELL_SIZE, limits).map((p) => `${p.index}: ${p.what}`);
}

/** Problems after one field of the cell `index` was changed. */
function changed(lines: readonly string[], change: (view: DataView) => void): string[] {
  const cells = cellsOf(lines);
  change(viewOf(cells));
  return verify(viewOf(cells), 0, cells.length / CELL_SIZE, LIMITS).map((p) => `${p.index}: ${p.what}`);
}

const GOOD: readonly (readonly string[])[] = [
  [],
  ['getpid()', '*store/8(0x10000, r0)', '*load/4(0x1fffc)', '*add(r2, [0x10008])', '*expect(r3, -1, [0x10010]:4)'],
  ['*branch(r0, 0, 0, 2)'.replace('r0', '1'), 'getpid()', '*retry(1, 0, 0, 0, 1000000)'],
  ['*fill(0x10000, 7, 0x10000)', '*copy(0x10000, 0x18000, 0x8000)', '*fill(0x30000, 0, 0)'],
  ['*io_all:preadv(3, 0x1fff0, 1, 0) tolerate(EIO)', '*wait(0x10004, 1, 5) tolerate(ETIMEDOUT)', '*wake(0x10004, 1)'],
  ['*spawn(0x10000, 88, 0x1ffc0)', '*spawn/1(0x10000, 64, 0x1ffc0)', '*cow_fill(3, 0, 0x10000, 0x2000, 0x12000, 0x1000)'],
  ['dup(0)', 'close(r0)', 'getpid()'],
  ['wait4(-1, 0, 0x60000000)', 'wait4(5)'],
  ['mmap(0, 4096)', '*store/4(r0, 1)'],
  ['setgroups()', 'capset(0x10000, 0x10008)', 'getpid()'],
];

test('programs that keep the rules have no problems', () => {
  for (const lines of GOOD) assert.deepEqual(problems(lines), [], lines.join('\n'));
});

/** Lines, then what must be said. */
const BAD: readonly (readonly [readonly string[], RegExp])[] = [
  [['getpid()', 'dup(r1)'], /^1: argument 0 uses the result of cell 1, which is not before it$/],
  [['dup(r5)'], /^0: argument 0 uses the result of cell 5/],
  [['*load/3(0x10000)'], /^0: width 3 is not 1, 2, 4 or 8$/],
  [['*store(0x10000, 1)'], /^0: width 0/],
  [['nr999()'], /^0: system call 999 is not in the table$/],
  [['wait4(-1)'], /^0: wait4\(-1\) without __WNOTHREAD$/],
  [['wait4(0xffffffffffffffff, 0, 0x40000000)'], /^0: wait4\(-1\) without/],
  [['dup(0)', 'close(r0)', 'dup(r0)'], /^2: argument 0 uses the descriptor of cell 0 after close$/],
  [['capset(0x10000, 0x10008)', 'mount()'], /^1: needs a capability, after cell 0 gave them up$/],
  [['*branch(0, 0, 0, 0)'], /^0: branch to 0 does not go forward$/],
  [['*branch(0, 0, 0, 2)'], /^0: branch to 2 does not go forward$/],
  [['*branch(0, 0, 0, -1)'], /^0: branch to -1 does not go forward$/],
  [['getpid()', '*branch(0, 0, 0, r0)'], /^1: jump target or limit is not a constant$/],
  [['*retry(0, 0, 0, 0, 5)'], /^0: retry to 0 does not go back$/],
  [['getpid()', '*retry(0, 0, 0, -1, 5)'], /^1: retry to -1 does not go back$/],
  [['getpid()', '*retry(0, 0, 0, 0, 0)'], /^1: retry limit 0 is not between 1 and 1000000$/],
  [['getpid()', '*retry(0, 0, 0, 0, 1000001)'], /^1: retry limit 1000001/],
  [['getpid()', '*retry(0, 0, 0, 0, [0x10000])'], /^1: jump target or limit is not a constant$/],
  [['dup([0x10ffc])', 'dup([0x1fffc])'], /^1: argument 0 is not memory of the program: 8 bytes at 0x1fffc$/],
  [['dup([0x1fffd]:4)'], /^0: argument 0 is not memory of the program: 4 bytes/],
  [['dup([4095])'], /^0: argument 0 is memory at 4095$/],
  [['*store/8(0x1fffc, 1)'], /^0: argument 0 is not memory of the program: 8 bytes at 0x1fffc$/],
  [['*load/1(0xffff)'], /^0: argument 0 is not memory of the program: 1 bytes at 0xffff$/],
  [['*load/1(0)'], /^0: argument 0 is memory at 0$/],
  [['*load/8(0xffffffffffff0000)'], /^0: argument 0 is not memory/],
  [['getpid()', '*load/8(r0)'], /^1: address in argument 0 is neither a constant nor a mapping that the program made$/],
  [['*load/8([0x10000])'], /^0: address in argument 0 is neither/],
  [['*fill(0x10001, 7, 0x10000)'], /^0: argument 0 is not memory of the program: 65536 bytes/],
  [['*fill(0x10000, 7, -1)'], /^0: length in argument 2 is not a constant below 2\^53$/],
  [['getpid()', '*fill(0x10000, 7, r0)'], /^1: length in argument 2/],
  [['*copy(0x10000, 0x18000, 0x8001)'], /^0: argument 1 is not memory/],
  [['*copy(0x18000, 0x10000, 0x8001)'], /^0: argument 0 is not memory/],
  [['*wait(0x10002, 1, 1)'], /^0: a futex word that is not aligned$/],
  [['*wait(0x20000, 1, 1)'], /^0: argument 0 is not memory/],
  [['*wake(0x10001, 1)'], /^0: a futex word that is not aligned$/],
  [['*wake(0xfffc, 1)'], /^0: argument 0 is not memory/],
  [['*io_all:read(3, 0x10000, 1)'], /^0: system call 0 is not a vectored read or write$/],
  [['*io_all:readv(3, 0x1fff8, 1)'], /^0: argument 1 is not memory of the program: 16 bytes/],
  [['*io_all:readv(3, 0x10000, 0x1001)'], /^0: argument 1 is not memory/],
  [['*io_all:readv(3, 0x10000, 1048577)'], /^0: 1048577 iovecs, more than 1048576/],
  [['*io_all:readv(3, 0x10000, -1)'], /^0: length in argument 2/],
  [['getpid()', '*io_all:readv(3, 0x10000, r0)'], /^1: length in argument 2/],
  [['*spawn/2(0x10000, 88, 0x10080)'], /^0: spawn mode 2 is not 0 or 1$/],
  [['*spawn(0x10000, 56, 0x10080)'], /^0: struct clone_args of 56 bytes$/],
  [['*spawn(0x10000, 8192, 0x10080)'], /^0: struct clone_args of 8192 bytes$/],
  [['*spawn(0x1ffc0, 88, 0x10080)'], /^0: argument 0 is not memory/],
  [['*spawn(0x10000, 88, 0x1ffd0)'], /^0: argument 2 is not memory of the program: 64 bytes/],
  [['*cow_fill(3, 0, 0x10000, 0x1001, 0x12000, 0x1000)'], /^0: lengths are not whole pages$/],
  [['*cow_fill(3, 0, 0x10000, 0x1000, 0x12000, 0x800)'], /^0: lengths are not whole pages$/],
  [['*cow_fill(3, 0, 0x10000, 0x1000, 0x12000, 0)'], /^0: lengths are not whole pages$/],
  [['*cow_fill(3, 0, 0x1f000, 0x2000, 0x12000, 0x1000)'], /^0: argument 2 is not memory/],
  [['*cow_fill(3, 0, 0x10000, 0x1000, 0x1f000, 0x2000)'], /^0: argument 4 is not memory/],
  [['*store/4(0x10000, 1) tolerate(EIO)'], /^0: tolerates an errno, which this op cannot/],
];

test('each rule names the cell that breaks it', () => {
  for (const [lines, expected] of BAD) {
    const found = problems(lines);
    assert.ok(
      found.some((line) => expected.test(line)),
      `${lines.join('\n')}: ${expected} is not in [${found.join('; ')}]`,
    );
  }
});

test('fields that the text form cannot get wrong', () => {
  assert.match(changed(['getpid()'], (v) => v.setUint16(CELL.op, 15, true)).join(), /0: unknown op 15/);
  assert.match(changed(['getpid()'], (v) => v.setUint8(CELL.policy, 3)).join(), /0: unknown policy 3/);
  assert.match(changed(['getpid()'], (v) => v.setUint8(CELL.policy, POLICY.tolerate)).join(), /0: tolerates errno 0/);
  assert.match(
    changed(['getpid()'], (v) => v.setUint16(CELL.kinds, 1 << 12, true)).join(),
    /0: kinds of arguments that a cell does not have/,
  );
  assert.match(
    changed(['getpid()', '*retry(0, 0, 0, 0, 5)'], (v) => v.setBigInt64(CELL_SIZE + CELL.result, -5n, true)).join(),
    /1: retry counter does not start at 0/,
  );
  assert.match(changed([], (v) => v.setUint16(CELL.op, OP.add, true)).join(), /0: the program does not end/);
  assert.deepEqual(verify(new DataView(new ArrayBuffer(0)), 0, 0), [{ index: 0, what: 'the program does not end' }]);
});

test('limits: without memory no address is checked; own mappings and retries can be forbidden', () => {
  assert.deepEqual(problems(['*store/4(0x10, 1)'.replace('0x10', '0x999000')], {}), []);
  const mapped = ['mmap(0, 4096)', '*store/4(r0, 1)'];
  assert.match(problems(mapped, { ...LIMITS, ownMappings: false }).join(), /1: address in argument 0/);
  assert.match(problems(['getpid()', '*retry(0, 0, 0, 0, 51)'], { ...LIMITS, maxRetries: 50 }).join(), /between 1 and 50/);
});

test('a program may not point into its own cells', () => {
  const own = { ...LIMITS, address: BASE + 64 };
  assert.deepEqual(problems(['*store/8(0x10038, 1)', '*load/8(0x10140)', 'read(0, 0x10140, 8)'], own), []);
  for (const line of [
    '*store/8(0x10040, 1)',
    '*store/8(0x10039, 1)',
    '*copy(0x10080, 0x11000, 1)',
    'read(0, 0x100bf, 1)',
    '*wake(0x10040, 1)',
  ])
    assert.match(problems([line, 'getpid()'], own).join(), /0: argument . points into the program itself/, line);
});

test('problems print the text form with an arrow', () => {
  const cells = cellsOf(['*load/3(0x10000)']);
  const view = viewOf(cells);
  assert.equal(explain(view, 0, verify(view, 0, 2)), '   0  *load/3(0x10000) must = 0\n      ^ width 3 is not 1, 2, 4 or 8');
});

test('the builder refuses to seal a program that breaks a rule', () => {
  const arena = new Arena({ buffer: new ArrayBuffer(4096), addr: 0n }, BASE);
  const p = new Program('bad', arena);
  p.store(BASE + 4096, 1, 4);
  assert.throws(
    () => p.end(),
    (error) => error instanceof CrError && error.code === 'CR_INTERNAL' && /program bad breaks[^]*\^ argument 0 is not/.test(error.message),
  );
  const q = new Program('good', arena);
  q.touches(BASE + 4096, 8).store(BASE + 4096, 1, 8);
  assert.deepEqual(q.end().problems(), []);
});

test('words of cells read back as they were written', () => {
  const view = new DataView(new ArrayBuffer(CELL_SIZE));
  const cell = {
    op: 9,
    kinds: [0, 1, 2, 3, 0, 1],
    policy: 2,
    aux: 255,
    nr: 65535,
    result: -7n,
    args: [1n, -1n, 1n << 62n, 0n, -4096n, 5n],
  };
  writeCell(view, 0, cell);
  assert.deepEqual(readCell(view, 0), cell);
});
