/**
 * A program as a stand-alone C file: for review, strace and gdb. It maps the program's memory at the same addresses, makes the same calls in the same
 * order with the same failure policy, and prints every result. Descriptors, pids and foreign memory of the original run are not there, so calls
 * that name them end differently.
 */
import { arch } from '../arch/current.js';
import { readCell, type CellWords } from './cells.js';
import { CELL_SIZE, KIND, OP, POLICY } from './isa.js';
import { formatCell } from './text.js';

/** What the emitter needs of a sealed program (program.ts). */
export interface ProgramSource {
  readonly name: string;
  readonly length: number;
  readonly address: number;
  /** The part of the arena that the program uses: its data, then its cells. */
  readonly memory: { readonly bytes: Buffer; readonly address: number };
  reasonOf(index: number): string;
}

const PAGE = 4096;
const CHUNK = 32;

const HEAD = `#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef unsigned long word;

static long call(long nr, word a, word b, word c, word d, word e, word f) {
  long n = syscall(nr, a, b, c, d, e, f);
  return n == -1 ? -errno : n;
}
static long w8(word at) { long v; memcpy(&v, (void *)at, 8); return v; }
static long w4(word at) { int v; memcpy(&v, (void *)at, 4); return v; }
static long load(word at, int width) { long v = 0; memcpy(&v, (void *)at, width); return v; }
static long store(word at, word v, int width) { memcpy((void *)at, &v, width); return 0; }
static long fill(word at, word byte, word n) { memset((void *)at, (int)byte, n); return 0; }
static long copy(word to, word from, word n) {
  for (word i = 0; i < n; i++) ((volatile char *)to)[i] = ((volatile char *)from)[i];
  return 0;
}
static long io_all(long nr, word fd, word iov, word count, word offset) {
  long total = 0;
  while (count > 0) {
    if (w8(iov + 8) == 0) { iov += 16; count--; continue; }
    long n = call(nr, fd, iov, count > 1024 ? 1024 : count, offset, 0, 0);
    if (n == -EINTR) continue;
    if (n <= 0) return n == 0 ? -ENODATA : n;
    total += n;
    offset += n;
    for (word left = n; left > 0;) {
      word step = left < (word)w8(iov + 8) ? left : (word)w8(iov + 8);
      store(iov, w8(iov) + step, 8);
      store(iov + 8, w8(iov + 8) - step, 8);
      left -= step;
      if (w8(iov + 8) == 0) { iov += 16; count--; }
    }
  }
  return total;
}
static long wait_for(word at, unsigned goal, word ns) {
  word time[2] = {ns / 1000000000, ns % 1000000000};
  for (;;) {
    unsigned now = __atomic_load_n((unsigned *)at, __ATOMIC_ACQUIRE);
    if ((int)(now - goal) >= 0) return 0;
    long n = call(SYS_futex, at, 0, now, ns ? (word)time : 0, 0, 0);
    if (n < 0 && n != -EAGAIN) return n;
  }
}
static long wake(word at, unsigned by) {
  __atomic_fetch_add((unsigned *)at, by, __ATOMIC_RELEASE);
  call(SYS_futex, at, 1, 0x7fffffff, 0, 0, 0);
  return 0;
}
/* A child of its own memory that ends at once: what it would run is a program, and a file, of its own. */
static long spawn(void) {
  long pid = fork();
  if (pid == 0) _exit(0);
  return pid;
}
static long cow_fill(word fd, word offset, word to, word n, word scratch, word size) {
  long written = 0;
  while (n > 0) {
    word want = n < size ? n : size, have = 0;
    while (have < want) {
      long got = call(SYS_pread64, fd, scratch + have, want - have, offset + have, 0, 0);
      if (got == -EINTR) continue;
      if (got <= 0) return got == 0 ? -ENODATA : got;
      have += got;
    }
    for (word at = 0; at < want; at += ${PAGE})
      if (memcmp((void *)(scratch + at), (void *)(to + at), ${PAGE})) { copy(to + at, scratch + at, ${PAGE}); written++; }
    offset += want;
    to += want;
    n -= want;
  }
  return written;
}
static void put(word at, const char *bytes, word n) { memcpy((void *)at, bytes, n); }
static void fail(int cell, const char *why) { printf("failed at %d: %s\\n", cell, why); exit(1); }
static void show(int cell, const char *what, long v) { printf("%4d  %s = %ld\\n", cell, what, v); }
static int bad(long v) { return v < 0 && v > -4096; }

/* Every helper is used, also where this program has no such op. */
void *helpers[] = {w8, w4, load, store, fill, copy, io_all, wait_for, wake, spawn, cow_fill, put, fail, show, bad};
`;

/** The whole C file. Precondition: sealed; best before it runs, because ops consume iovecs. */
export function emitC(program: ProgramSource): string {
  const cells: CellWords[] = [];
  const { bytes, address } = program.memory;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < program.length; i++) cells.push(readCell(view, i, program.address - address));
  const targets = new Set(cells.filter((c) => c.op === OP.branch || c.op === OP.retry).map((c) => Number(c.args[3])));
  const lines = [`/* criu-ts program ${comment(program.name)}: cc -o program this.c && strace ./program */`, HEAD, 'int main(void) {'];
  lines.push(`  static long r[${Math.max(1, program.length)}], tries[${Math.max(1, program.length)}];`, '  (void)r; (void)tries;');
  lines.push(...memoryLines(program));
  cells.forEach((cell, i) => {
    if (targets.has(i)) lines.push(`c${i}:`);
    lines.push(`  /* ${comment(formatCell(i, { ...cell, result: 0n }).replace(/ = 0$/, ''))}: ${comment(program.reasonOf(i))} */`);
    lines.push(...cellLines(cell, i, program.reasonOf(i)));
  });
  return [...lines, '}', ''].join('\n');
}

/** Text that cannot end a comment. */
function comment(text: string): string {
  return text.replaceAll('*/', '* /').replaceAll('\n', ' ').trim();
}

function quoted(text: string): string {
  return octal(Buffer.from(text), /[ !#-[\]-~]/);
}

/** A C string; octal escapes have a fixed length, hexadecimal ones swallow what follows. `plain`: characters that stand for themselves. */
function octal(bytes: Uint8Array, plain = /[ !#->@-[\]-~]/): string {
  const text = [...bytes].map((b) => (plain.test(String.fromCharCode(b)) ? String.fromCharCode(b) : `\\${b.toString(8).padStart(3, '0')}`));
  return `"${text.join('')}"`;
}

/** Maps the memory and writes what is not zero; the cells themselves are code here. */
function memoryLines({ name, address: cells, length, memory }: ProgramSource): string[] {
  const first = Math.floor(memory.address / PAGE) * PAGE;
  const end = Math.ceil((memory.address + memory.bytes.length) / PAGE) * PAGE;
  const flags = 'MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE';
  const lines = [
    `  if (mmap((void *)${hex(first)}, ${end - first}, PROT_READ | PROT_WRITE, ${flags}, -1, 0) == MAP_FAILED)`,
    `    return perror(${quoted(`${name}: the addresses of the program are taken here (try setarch -R)`)}), 2;`,
  ];
  for (let at = 0; at < memory.bytes.length; at += CHUNK) {
    const here = memory.address + at;
    if (here >= cells && here < cells + length * CELL_SIZE) continue;
    const chunk = memory.bytes.subarray(at, Math.min(at + CHUNK, memory.bytes.length, here < cells ? cells - memory.address : Infinity));
    if (chunk.some((byte) => byte !== 0)) lines.push(`  put(${hex(here)}, ${octal(chunk)}, ${chunk.length});`);
  }
  return lines;
}

function hex(value: number | bigint): string {
  return `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}UL`;
}

function operand(cell: CellWords, n: number): string {
  const arg = cell.args[n]!;
  const kind = cell.kinds[n];
  if (kind === KIND.result) return `r[${arg}]`;
  if (kind === KIND.word64) return `w8(${hex(arg)})`;
  if (kind === KIND.word32) return `w4(${hex(arg)})`;
  return arg > -4096n && arg < 4096n ? `${arg}` : hex(arg);
}

function cellLines(cell: CellWords, i: number, why: string): string[] {
  const a = cell.args.map((_, n) => operand(cell, n));
  const matches = `((word)(${a[0]} & (word)${a[1]}) == (word)${a[2]})`;
  const failed = `fail(${i}, ${quoted(why)});`;
  const to = Number(cell.args[3]);
  switch (cell.op) {
    case OP.end:
      return [`  show(${i}, "end", 0);`, '  return 0;'];
    case OP.expect:
      return [`  show(${i}, "expect", r[${i}] = ${a[0]});`, ...(cell.policy === POLICY.must ? [`  if (!${matches}) ${failed}`] : [])];
    case OP.branch:
      return [`  if (${matches}) goto c${to};`];
    case OP.retry:
      return [`  if (${matches}) {`, `    if (tries[${i}]++ >= ${cell.args[4]}) ${failed}`, `    goto c${to};`, '  }'];
    default:
      return [`  show(${i}, ${quoted(nameOf(cell))}, r[${i}] = ${valueOf(cell, a)});`, ...policyLines(cell, i, failed)];
  }
}

function policyLines(cell: CellWords, i: number, failed: string): string[] {
  if (cell.policy === POLICY.ignore || cell.op === OP.load || cell.op === OP.add) return [];
  const tolerated = cell.policy === POLICY.tolerate ? ` && r[${i}] != -${cell.aux}` : '';
  return [`  if (bad(r[${i}])${tolerated}) ${failed}`];
}

const CALL_NAMES = new Map<number, string>(Object.entries(arch.syscalls).map(([name, nr]) => [nr, name]));
const OP_NAMES = new Map<number, string>(Object.entries(OP).map(([name, op]) => [op, name]));

function callOf(nr: number): string {
  return CALL_NAMES.get(nr) ?? `nr${nr}`;
}
function nameOf(cell: CellWords): string {
  return cell.op === OP.syscall ? callOf(cell.nr) : (OP_NAMES.get(cell.op) ?? `op${cell.op}`);
}

function valueOf(cell: CellWords, a: readonly string[]): string {
  switch (cell.op) {
    case OP.syscall:
      return `call(${cell.nr} /* ${callOf(cell.nr)} */, ${a.join(', ')})`;
    case OP.store:
      return `store(${a[0]}, ${a[1]}, ${cell.aux})`;
    case OP.load:
      return `load(${a[0]}, ${cell.aux})`;
    case OP.add:
      return `(word)${a[0]} + (word)${a[1]}`;
    case OP.io_all:
      return `io_all(${cell.nr} /* ${callOf(cell.nr)} */, ${a.slice(0, 4).join(', ')})`;
    case OP.wait:
      return `wait_for(${a.slice(0, 3).join(', ')})`;
    case OP.wake:
      return `wake(${a.slice(0, 2).join(', ')})`;
    case OP.spawn:
      return 'spawn()';
    case OP.fill:
      return `fill(${a.slice(0, 3).join(', ')})`;
    case OP.copy:
      return `copy(${a.slice(0, 3).join(', ')})`;
    case OP.cow_fill:
      return `cow_fill(${a.join(', ')})`;
    default:
      return '-22';
  }
}
