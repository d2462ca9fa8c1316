import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMaps } from '../../../../core/kernel/procfs/maps.js';
import { parseSmaps, type SmapsVma } from '../../../../core/kernel/procfs/smaps.js';
import { assertRefused, changed, fixture, textOf } from './helper.js';

const LINE = '1000-3000 rw-p 00000000 00:00 0 \n';

function flagsOf(vma: SmapsVma | undefined): string {
  return vma === undefined ? 'no mapping' : [...vma.vmFlags].join(' ');
}

test('gives the mappings of maps', () => {
  const vmas = parseSmaps(fixture('smaps.txt'));
  const plain = parseMaps(fixture('maps.txt'));
  assert.equal(vmas.length, plain.length);
  for (const [i, vma] of plain.entries()) assert.equal(vmas[i]?.start, vma.start);
});

test('flags and sizes of the captured text', () => {
  const vmas = parseSmaps(fixture('smaps.txt'));
  const stack = vmas.find((vma) => vma.kind === 'stack');
  assert.equal(flagsOf(stack), 'rd wr mr mw me gd ac');
  const locked = vmas.find((vma) => vma.vmFlags.has('lo'));
  assert.equal(locked?.rss, 8192);
  assert.ok(vmas.some((vma) => vma.vmFlags.has('dc') && vma.end - vma.start === 4096));
  assert.ok(vmas.some((vma) => vma.vmFlags.has('wf')));
  assert.ok(vmas.some((vma) => vma.vmFlags.has('nr') && vma.prot === 0));
  assert.ok(vmas.some((vma) => vma.vmFlags.has('hg')));
  assert.ok(vmas.every((vma) => vma.kernelPageSize === 4096));
});

test('mappings with equal flags share one set', () => {
  const stacks = parseSmaps(fixture('smaps.txt')).filter((vma) => flagsOf(vma) === 'rd mr mw me');
  assert.ok(stacks.length > 1);
  assert.ok(stacks.every((vma) => vma.vmFlags === stacks[0]?.vmFlags));
});

test('what other kernels have: unknown lines and flags', () => {
  const text = `${LINE}Size: 8 kB\nNewThing:  what ever\nno colon at all\nKernelPageSize:     2048 kB\nRss: 4 kB\nProtectionKey:         3\nVmFlags: rd wr ht zz\n`;
  const [vma] = parseSmaps(textOf(text));
  assert.equal(vma?.kernelPageSize, 2048 * 1024);
  assert.equal(flagsOf(vma), 'rd wr ht zz');
  assert.equal(vma?.protectionKey, 3);
});

test('protection keys: in the line before the flags, or nowhere', () => {
  const entry = (line: string) => `${LINE}KernelPageSize: 4 kB\nRss: 0 kB\n${line}VmFlags: rd\n`;
  const vmas = parseSmaps(
    textOf(entry('ProtectionKey:        15\n') + entry('') + entry('ProtectionKey:         0\n') + entry('THPeligible: 7\n')),
  );
  assert.deepEqual(
    vmas.map(({ protectionKey }) => protectionKey),
    [15, 0, 0, 0],
  );
  assertRefused(() => parseSmaps(textOf(entry('ProtectionKey: x\n'))), /protection key/);
});

test('a name that looks like a line of smaps is a name', () => {
  const [vma] = parseSmaps(textOf(`1000-3000 rw-p 00000000 fe:00 7 /VmFlags: xx\nKernelPageSize: 4 kB\nRss: 0 kB\nVmFlags: rd\n`));
  assert.equal(vma?.name, '/VmFlags: xx');
  assert.equal(flagsOf(vma), 'rd');
});

test('truncated text is refused', () => {
  assertRefused(() => parseSmaps(textOf(LINE)), /newline/);
  assertRefused(() => parseSmaps(textOf(`${LINE}KernelPageSize: 4 kB\nRss: 0 kB\nPss: 0 kB\n`)), /VmFlags/);
  assertRefused(() => parseSmaps(textOf(`${LINE}Rss: 0 kB\nVmFlags: rd\n`)), /KernelPageSize/);
  assertRefused(() => parseSmaps(textOf(`${LINE}KernelPageSize: 4 kB\nRss: 0 kB\nVmFlags: rd`)), /newline/);
  assertRefused(() => parseSmaps(textOf(`${LINE}KernelPageSize: x kB\nRss: 0 kB\nVmFlags: rd\n`)), /size in kB/);
  assertRefused(() => parseSmaps(textOf(`${LINE}KernelPageSize: 4 kB\nRss: 0 kB\n${'X: 1 kB\n'.repeat(2000)}VmFlags: rd\n`)), /VmFlags/);
  assertRefused(() => parseSmaps(changed('smaps.txt', (all) => all.slice(0, all.lastIndexOf('VmFlags')))), /VmFlags/);
});
