/**
 * Stored programs leave the same in all implementations: vm.c on the JavaScript thread and on a KernelThread, the interpreter in TypeScript over this
 * process's own kernel, and the C file that --emit-c makes. test/integration/step.test.ts adds the blob in a task and the stepper.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SyscallName } from '../../../core/abi/syscalls.js';
import { arch } from '../../../core/arch/current.js';
import { localArena } from '../../../core/kernel/kernel-thread.js';
import { LocalCalls } from '../../../core/kernel/local.js';
import { loadNative } from '../../../core/kernel/native.js';
import { emitC } from '../../../core/program/emit-c.js';
import { Interpreter, type Machine } from '../../../core/program/interpret.js';
import { OP } from '../../../core/program/isa.js';
import { outcome, place, storedPrograms, type Outcome, type Placed, type Stored } from '../../helpers/stored-programs.js';

const ARENA_SIZE = 16384;
const native = loadNative();
const thread = new native.KernelThread();
const calls = new LocalCalls(native);
const folder = mkdtempSync(join(tmpdir(), 'criu-ts-programs-'));
after(() => {
  thread.close();
  calls.close();
  rmSync(folder, { recursive: true });
});

const NAMES = new Map<number, SyscallName>((Object.keys(arch.syscalls) as SyscallName[]).map((name) => [arch.syscalls[name], name]));

function inArena(stored: Stored, run: (placed: Placed) => number): Outcome {
  const arena = localArena(native, ARENA_SIZE);
  const placed = place(stored, arena);
  const result = outcome(placed, run(placed));
  native.unmap(arena.mapping);
  return result;
}

const byBlob = ({ program }: Placed): number => native.runHere(BigInt(program.address));
const byThread = ({ program }: Placed): number => thread.runSync(BigInt(program.address));

function byInterpreter({ program }: Placed): number {
  const { arena } = program;
  const at = (addr: bigint): number => Number(addr) - arena.base;
  const machine: Machine = {
    call: (nr, args) => BigInt(calls.call(NAMES.get(nr)!, ...args)),
    read: (addr, length) => arena.bytes.subarray(at(addr), at(addr) + length),
    write: (addr, bytes) => void arena.bytes.set(bytes, at(addr)),
    scratch: BigInt(arena.addr(arena.alloc(16))),
  };
  return new Interpreter(arena.view, program.address - arena.base, machine).run();
}

for (const stored of storedPrograms()) {
  test(`${stored.name}: the text form reads back`, () => {
    const lines = stored.text.split('\n');
    inArena(stored, ({ program }) => {
      const now = program.text().split('\n');
      // Addresses of data are different here; everything else is the stored text.
      const shape = (line: string) => line.replaceAll(/0x[0-9a-f]{8,12}\b/g, 'ADDRESS');
      assert.deepEqual(now.map(shape), lines.map(shape));
      return 0;
    });
  });

  test(`${stored.name}: every implementation leaves the same`, () => {
    const expected = inArena(stored, byBlob);
    assert.deepEqual(inArena(stored, byThread), expected);
    assert.deepEqual(inArena(stored, byInterpreter), expected);
  });

  test(`${stored.name}: as a C file it compiles without a warning and prints the same results`, () => {
    const [file, binary] = [join(folder, `${stored.name}.c`), join(folder, stored.name)];
    const expected = inArena(stored, (placed) => {
      writeFileSync(file, emitC(placed.program.source()));
      return byBlob(placed);
    });
    execFileSync('cc', ['-Wall', '-Wextra', '-Werror', '-o', binary, file], { stdio: ['ignore', 'ignore', 'inherit'] });
    const { stdout, stderr, status } = spawnSync(binary, { encoding: 'utf8' });
    assert.equal(status, expected.status < 0 ? 1 : 0, stdout + stderr);
    if (expected.status < 0) assert.match(stdout, new RegExp(`^failed at ${~expected.status}: reason "${~expected.status}"`, 'm'));
    let compared = 0;
    for (const line of stdout.split('\n')) {
      const m = /^ *(\d+) {2}(\w+) = (-?\d+)$/.exec(line);
      const result = m ? expected.results[Number(m[1])]! : 0n;
      // The last of several values of an op in a loop is the one that stays; a pid and what follows from it is another one there.
      if (!m || result === 0n || stored.cells.some(({ op }) => op === OP.retry)) continue;
      assert.equal(m[3], String(result), line);
      compared++;
    }
    assert.ok(compared > 0 || stored.cells.some(({ op }) => op === OP.retry));
  });
}
