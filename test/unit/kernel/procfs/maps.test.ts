import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMaps, PROT_EXEC, PROT_READ, PROT_WRITE, type Vma, vmaKind } from '../../../../core/kernel/procfs/maps.js';
import { assertRefused, changed, fixture, textOf } from './helper.js';

function named(vmas: readonly Vma[], name: string): Vma {
  const found = vmas.find((vma) => vma.name === name);
  assert.ok(found, `no mapping ${JSON.stringify(name)}`);
  return found;
}

test('a captured map, line by line', () => {
  const text = fixture('maps.txt');
  const vmas = parseMaps(text);
  const lines = Buffer.from(text.bytes).toString('latin1').trimEnd().split('\n');
  assert.equal(vmas.length, lines.length);
  for (const [i, line] of lines.entries()) {
    const [range = '', perms = '', offset = '', dev = '', inode = ''] = line.split(/ +/);
    const vma = vmas[i];
    assert.ok(vma);
    assert.equal(`${BigInt(vma.start).toString(16)}-${BigInt(vma.end).toString(16)}`, range);
    const letters = `${vma.prot & PROT_READ ? 'r' : '-'}${vma.prot & PROT_WRITE ? 'w' : '-'}${vma.prot & PROT_EXEC ? 'x' : '-'}`;
    assert.equal(`${letters}${vma.shared ? 's' : 'p'}`, perms);
    assert.equal(vma.offset, parseInt(offset, 16));
    assert.equal(`${vma.devMajor.toString(16).padStart(2, '0')}:${vma.devMinor.toString(16).padStart(2, '0')}`, dev);
    assert.equal(vma.inode, BigInt(inode));
  }
});

test('names of the captured map', () => {
  const vmas = parseMaps(fixture('maps.txt'));
  assert.equal(named(vmas, '/tmp/procfix/two words').kind, 'file');
  assert.equal(named(vmas, '/tmp/procfix/tail ').kind, 'file');
  assert.equal(named(vmas, '/tmp/procfix/café').kind, 'file');
  assert.equal(named(vmas, '/tmp/procfix/bad\uDCFFbyte').kind, 'file');
  assert.equal(named(vmas, '/tmp/procfix/new\nline').unescaped, true);
  // A file that really has a backslash in its name cannot be told from a newline here; `unescaped` warns.
  assert.equal(named(vmas, '/tmp/procfix/a\nb').unescaped, true);
  for (const name of ['/tmp/procfix/gone (deleted)', '/tmp/procfix/real (deleted)']) assert.equal(named(vmas, name).deletedSuffix, true);
  const special = [
    ['[heap]', 'heap'],
    ['[stack]', 'stack'],
    ['[vdso]', 'vdso'],
    ['[vvar]', 'vvar'],
    ['[vvar_vclock]', 'vvarVclock'],
    ['/memfd:my mem (deleted)', 'memfd'],
    ['/SYSV00000000 (deleted)', 'sysvShm'],
    ['/dev/zero (deleted)', 'devZero'],
    ['/dev/zero', 'file'],
    ['/[aio] (deleted)', 'aio'],
    ['anon_inode:[io_uring]', 'anonInode'],
  ] as const;
  for (const [name, kind] of special) assert.equal(named(vmas, name).kind, kind);
  assert.ok(vmas.some((vma) => vma.kind === 'anon' && vma.name === '' && vma.prot === 0 && !vma.shared));
});

test('[vsyscall] is exact although it lies above 2^53', () => {
  const last = parseMaps(fixture('maps.txt')).at(-1);
  assert.equal(last?.kind, 'vsyscall');
  assert.equal(BigInt(last.start), 0xffff_ffff_ff60_0000n);
  assert.equal(BigInt(last.end), 0xffff_ffff_ff60_1000n);
  assert.equal(last.prot, PROT_EXEC);
});

test('kinds by name that the host could not show', () => {
  assert.equal(vmaKind('[anon:my name]'), 'anonName');
  assert.equal(vmaKind('[anon_shmem:x]'), 'anonShmem');
  assert.equal(vmaKind('/anon_hugepage (deleted)'), 'anonHugepage');
  assert.equal(vmaKind('/secretmem (deleted)'), 'secretmem');
  assert.equal(vmaKind('socket:[123]'), 'socket');
  assert.equal(vmaKind('[uprobes]'), 'special');
  assert.equal(vmaKind('(unreachable)/x'), 'file');
  assert.equal(vmaKind('pipe:[1]'), 'other');
  // Real files with such names: only the suffix of an unlinked file makes them special.
  assert.equal(vmaKind('/memfd:x'), 'file');
  assert.equal(vmaKind('/SYSV00000000'), 'file');
});

test('large inode numbers and devices', () => {
  const [vma] = parseMaps(textOf('1000-2000 rw-s 7fffffffff000 103:fffff 18446744073709551615 /x\n'));
  assert.deepEqual([vma?.inode, vma?.devMajor, vma?.devMinor, vma?.offset], [2n ** 64n - 1n, 0x103, 0xfffff, 0x7fffffffff000]);
});

test('no text, no mappings', () => {
  assert.deepEqual(parseMaps(textOf('')), []);
});

test('15,000 mappings', () => {
  let text = '';
  for (let i = 0; i < 15_000; i++)
    text += `${(0x7f00_0000_0000 + i * 0x2000).toString(16)}-${(0x7f00_0000_1000 + i * 0x2000).toString(16)} rw-p 00000000 00:00 0 \n`;
  const vmas = parseMaps(textOf(text));
  assert.equal(vmas.length, 15_000);
  assert.equal(vmas.at(-1)?.start, 0x7f00_0000_0000 + 14_999 * 0x2000);
});

test('truncated and foreign text is refused with path and offset', () => {
  const whole = Buffer.from(fixture('maps.txt').bytes).toString('latin1');
  const line = whole.slice(0, whole.indexOf('\n'));
  for (let length = 1; length <= line.length; length++)
    assertRefused(() => parseMaps(textOf(line.slice(0, length))), /ends where|expected/);
  assertRefused(() => parseMaps(changed('maps.txt', (all) => all.slice(0, -1))), /ends where a newline/, whole.length - 1);
  assertRefused(() => parseMaps(textOf('2000-1000 rw-p 0 00:00 0 \n')), /end behind the start/);
  assertRefused(() => parseMaps(textOf('1000-2000 rw-q 0 00:00 0 \n')), /s or p/, 13);
  assertRefused(() => parseMaps(textOf('ffffffffff600001-ffffffffff601000 --xp 0 00:00 0 \n')), /start of a mapping/);
  assertRefused(() => parseMaps(textOf('00000000000001000-2000 --xp 0 00:00 0 \n')), /start of a mapping/);
});
