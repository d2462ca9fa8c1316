/**
 * An image from a machine with another vDSO. There is no such machine here, so the one in the image is changed: every function becomes a slide of NOPs, and
 * the symbol table says that it begins 16 bytes later. A pointer that the program resolved before the dump then only works when the restore saw the
 * difference and put its jump where the image's own symbol table says.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { criuTs } from '../helpers/run-command.js';
import { passAfterGo, scenarioOf } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { ours } from '../helpers/tools.js';
import { victims } from '../helpers/victims.js';

const PAGE = 4096;
const NOP = 0x90;
const SHIFT = 16n;
const [SHT_DYNSYM, STT_FUNC] = [11, 2];

interface Region {
  readonly start: number;
  readonly end: number;
}

function show(images: string, file: string): Record<string, unknown>[] {
  const done = criuTs(['show', '--format', 'json', join(images, file)]);
  assert.equal(done.status, 0, done.stderr);
  return (JSON.parse(done.stdout) as { entries: Record<string, unknown>[] }).entries;
}

const nameOf = (images: string, start: string): string => {
  const found = readdirSync(images).find((name) => name.startsWith(start));
  assert.ok(found, `no ${start}*`);
  return found;
};

function vdsoOf(images: string): Region {
  const [mm] = show(images, nameOf(images, 'mm-')) as {
    vmas: { start: number | string; end: number | string; status: number | string }[];
  }[];
  const found = mm?.vmas.find(({ status }) => /vdso/i.test(String(status)) || (Number(status) & 8) !== 0);
  assert.ok(found, 'the image has no vDSO');
  return { start: Number(found.start), end: Number(found.end) };
}

/** Offset of an address in the pages file. */
function pageOffset(images: string, addr: number): number {
  let offset = 0;
  for (const entry of show(images, nameOf(images, 'pagemap-')).slice(1) as { vaddr: number | string; nr_pages: number }[]) {
    const start = Number(entry.vaddr);
    if (addr >= start && addr < start + entry.nr_pages * PAGE) return offset + addr - start;
    offset += entry.nr_pages * PAGE;
  }
  assert.fail('the vDSO is not among the pages');
}

/** Turns the functions of a vDSO (elf(5)) into NOPs and moves their symbols. Returns how many there were. */
function change(elf: Buffer): number {
  const [sections, size, count] = [Number(elf.readBigUInt64LE(40)), elf.readUInt16LE(58), elf.readUInt16LE(60)];
  let functions = 0;
  for (let at = sections; at < sections + count * size; at += size) {
    if (elf.readUInt32LE(at + 4) !== SHT_DYNSYM) continue;
    const [from, bytes] = [Number(elf.readBigUInt64LE(at + 24)), Number(elf.readBigUInt64LE(at + 32))];
    for (let symbol = from; symbol < from + bytes; symbol += 24) {
      if ((elf.readUInt8(symbol + 4) & 15) !== STT_FUNC) continue;
      const [value, length] = [elf.readBigUInt64LE(symbol + 8), Number(elf.readBigUInt64LE(symbol + 16))];
      // Symbols come in pairs (time and __vdso_time) for one place: that is filled twice, and both move.
      elf.fill(NOP, Number(value), Number(value) + length);
      elf.writeBigUInt64LE(value + SHIFT, symbol + 8);
      functions++;
    }
  }
  return functions;
}

test('another vDSO: functions that were resolved before the dump work after it', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('needs root: processes are frozen and pids chosen');
  if (process.arch !== 'x64') return context.skip(`NOPs of ${process.arch}`);
  const victim = victims().find(({ name }) => name === 'vdso');
  assert.ok(victim);
  const subject = new Subject('vdso-other');
  try {
    await scenarioOf(victim).start(subject);
    const before = subject.processes();
    await subject.dump(ours);
    await subject.waitGone('after the dump', before);
    const { start, end } = vdsoOf(subject.images);
    const offset = pageOffset(subject.images, start);
    const pages = openSync(join(subject.images, nameOf(subject.images, 'pages-')), 'r+');
    const elf = Buffer.alloc(end - start);
    assert.equal(readSync(pages, elf, 0, elf.length, offset), elf.length);
    assert.ok(change(elf) >= 4, 'the vDSO has no functions');
    assert.equal(writeSync(pages, elf, 0, elf.length, offset), elf.length);
    closeSync(pages);
    await subject.restore(ours);
    await passAfterGo(subject);
  } finally {
    await subject.close();
  }
});
