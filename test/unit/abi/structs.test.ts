/** Layouts agree with themselves here; that they agree with the kernel is what native/generated/check_structs.c proves when it compiles. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FIELD_SIZE, STRUCTS, layoutOf, type StructName } from '../../../core/abi/structs.js';
import { SYSCALLS, type SyscallName } from '../../../core/abi/syscalls.js';
import { Arena } from '../../../core/program/arena.js';
import { Program } from '../../../core/program/program.js';
import { repository } from '../../helpers/run-command.js';

const NAMES = Object.keys(STRUCTS) as StructName[];
const fresh = (): Program => new Program('test', new Arena({ buffer: new ArrayBuffer(65536), addr: 0n }, 0x10000));

test('fields lie in their structure and not on each other', () => {
  for (const name of NAMES) {
    const { size, fields } = layoutOf(name);
    let end = 0;
    for (const [field, [at, type]] of Object.entries(fields)) {
      assert.ok(at >= end, `${name}.${field} at ${at} lies on the field before it`);
      end = at + FIELD_SIZE[type];
    }
    assert.ok(end <= size, `${name} ends behind its size`);
  }
});

test('fields hold their extreme values, with their sign, and nothing else changes', () => {
  const p = fresh();
  for (const name of NAMES)
    for (const [field, [at, type]] of Object.entries(layoutOf(name).fields)) {
      const struct = p.struct(name);
      const [value, bytes] =
        type === 'u64' ? [(1n << 64n) - 1n, 8] : [type.startsWith('i') ? -1 : 2 ** (8 * FIELD_SIZE[type]) - 1, FIELD_SIZE[type]];
      struct.put({ [field]: value });
      assert.equal(struct.get(field as never), value, `${name}.${field}`);
      const expected = Buffer.alloc(struct.size).fill(0xff, at, at + bytes);
      assert.ok(struct.copy().equals(expected), `${name}.${field}`);
    }
});

test('structures in a row follow each other, and one can be laid over other memory', () => {
  const p = fresh();
  const [first, second] = p.structs('iovec', 2);
  assert.equal(second!.addr, first!.addr + STRUCTS.iovec.size);
  second!.put({ iov_base: 0x1234, iov_len: 7n });
  assert.equal(first!.as('iovec', 16).number('iov_base'), 0x1234);
  assert.equal(first!.as('iovec', 16).addrOf('iov_len'), second!.addr + 8);
  assert.equal(second!.get('iov_len'), 7n);
});

test('a pointer to another structure does not compile', () => {
  const p = fresh();
  const [spec, val] = [p.struct('itimerspec'), p.struct('itimerval')];
  p.sys.timer_settime(0, 0, spec, 0).ignore('never run');
  p.sys.setitimer(0, val, 0).ignore('never run');
  // @ts-expect-error timer_settime(2) wants a struct itimerspec
  p.sys.timer_settime(0, 0, val, 0).ignore('never run');
  // @ts-expect-error setitimer(2) wants a struct itimerval
  p.sys.setitimer(0, spec, 0).ignore('never run');
  // @ts-expect-error untyped memory is no structure
  p.sys.setitimer(0, p.out(32), 0).ignore('never run');
  // @ts-expect-error there is no such field
  assert.throws(() => p.struct('itimerval', { it_value: 1 }), TypeError);
  assert.equal(p.length, 5);
});

test('arguments name structures that exist', () => {
  for (const name of Object.keys(SYSCALLS) as SyscallName[])
    for (const arg of SYSCALLS[name].args) {
      const [, struct] = arg.split(':');
      if (struct !== undefined) assert.ok(Object.hasOwn(STRUCTS, struct), `${name}: ${arg}`);
    }
});

test('the C side compares every field', () => {
  const text = readFileSync(join(repository, 'native/generated/check_structs.c'), 'utf8');
  for (const name of NAMES) {
    const { c, size, header, fields } = layoutOf(name);
    assert.ok(text.includes(`#include <${header}>`) && text.includes(`SIZE(${c}, ${size});`), name);
    for (const [field, [at, type]] of Object.entries(fields))
      assert.ok(text.includes(`FIELD(${c}, ${field}, ${at}, ${FIELD_SIZE[type]});`), `${name}.${field}`);
  }
});
