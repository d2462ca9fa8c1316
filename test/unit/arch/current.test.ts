import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NO_CALL } from '../../../core/arch/arch.js';
import { arch, archOf } from '../../../core/arch/current.js';
import { SYSCALLS } from '../../../core/abi/syscalls.js';
import { CrError } from '../../../core/errors.js';
import { repository } from '../../helpers/run-command.js';

test('every folder of core/arch can be chosen, under its own name', () => {
  const folders = readdirSync(join(repository, 'core/arch'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.ok(folders.some(({ name }) => name === process.arch));
  for (const { name } of folders) assert.equal(archOf(name).name, name);
  assert.equal(arch.name, process.arch);
});

test('another architecture is refused by name, with what a port adds', () => {
  for (const name of ['riscv64', 'toString'])
    assert.throws(
      () => archOf(name),
      (error) =>
        error instanceof CrError &&
        error.code === 'CR_UNSUPPORTED' &&
        error.message.includes(name) &&
        `${error.hint}`.includes(`core/arch/${name}`) &&
        `${error.hint}`.includes('core/docs/ports.md'),
    );
});

test('it numbers the calls of the table and no others', () => {
  assert.deepEqual(Object.keys(arch.syscalls).sort(), Object.keys(SYSCALLS).sort());
  assert.ok(Object.values(arch.syscalls).every((nr) => nr >= 0 && nr <= NO_CALL));
});

test('registers are changed in copies only', () => {
  const base = { bytes: Buffer.alloc(arch.registersSize, 0xa5) };
  const before = Buffer.from(base.bytes);
  const all = [
    arch.movedTo(base, 0x1000n),
    arch.parkedAt(base, 0x2000),
    arch.callAt(base, 0x3000, arch.syscalls.mmap, [0, 4096, 3, 0x21, -1n, 0]),
    arch.daemonAt(base, 0x4000, 0x5000, 0x6000),
    arch.resumed(base, { signalPending: false, sameTask: true }),
  ];
  assert.deepEqual(base.bytes, before);
  assert.deepEqual(all.slice(0, 4).map(arch.programCounter), [0x1000n, 0x2000n, 0x3000n, 0x4000n]);
  assert.ok(all.every(({ bytes }) => bytes.length === arch.registersSize && bytes.buffer !== base.bytes.buffer));
});

test('a jump is no system call', () => {
  const jump = arch.jumpTo(0x7fff_0000_1000);
  assert.equal(arch.findSyscall(jump), -1);
  assert.equal(arch.findSyscall(Buffer.alloc(0)), -1);
});
