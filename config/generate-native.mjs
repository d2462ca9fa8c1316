// Makes the C side of facts that have their home in TypeScript: native/generated/isa.h from core/program/isa.ts, and check_numbers.c and
// check_structs.c, which let the compiler compare core/abi with the kernel's own headers. What depends on the architecture comes from every
// core/arch/<name>/native-checks.ts, each between its own #ifdef. `--check` fails when a file is stale instead of writing it.
import { buildSync } from 'esbuild';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';

const root = new URL('..', import.meta.url).pathname;

async function load(file) {
  const code = buildSync({ entryPoints: [`${root}${file}`], bundle: true, format: 'esm', write: false, platform: 'node' });
  return import(`data:text/javascript;base64,${Buffer.from(code.outputFiles[0].contents).toString('base64')}`);
}

function isaHeader(isa, arches) {
  const lines = [
    '/* Generated from core/program/isa.ts and core/arch by config/generate-native.mjs. Do not edit. */',
    '#ifndef CRIU_TS_ISA_H',
    '#define CRIU_TS_ISA_H',
    '',
  ];
  const table = (prefix, entries) => {
    for (const [name, value] of Object.entries(entries))
      lines.push(`#define ${prefix}${name.replace(/([A-Z])/g, '_$1').toUpperCase()} ${value}`);
    lines.push('');
  };
  table('OP_', isa.OP);
  table('KIND_', isa.KIND);
  table('POLICY_', isa.POLICY);
  table('CELL_', isa.CELL);
  table('TB_', isa.THREAD_BLOCK);
  table('BOOT_', isa.SEED_BOOT);
  for (const { macro, stub, stubSize } of arches) {
    lines.push(`#ifdef ${macro}`);
    table('STUB_', stub);
    lines.splice(-1, 1, `#define STUB_DATA_SIZE ${stubSize}`, '#endif', '');
  }
  lines.push(`#define CELL_SIZE ${isa.CELL_SIZE}`, `#define THREAD_BLOCK_SIZE ${isa.THREAD_BLOCK_SIZE}`);
  lines.push(`#define SEED_BOOT_SIZE ${isa.SEED_BOOT_SIZE}`, `#define SEED_FD ${isa.SEED_FD}`, '', '#endif', '');
  return lines.join('\n');
}

/** Headers of the build host may be older than a call; then there is nothing to compare with. */
function numberChecks(ptrace, errno, arches) {
  const lines = [
    '/* Generated from core/abi and core/arch by config/generate-native.mjs. Do not edit. Compiles only when the numbers are those of the kernel headers. */',
    '#include <asm/unistd.h>',
    '#include <elf.h>',
    '#include <errno.h>',
    '#include <linux/ptrace.h>',
    '#include <stddef.h>',
    ...arches.flatMap(({ macro, registers }) => [`#ifdef ${macro}`, `#include <${registers.header}>`, '#endif']),
    '',
    '#define SAME(what, value) _Static_assert((long)(what) == (long)(value), #what)',
    '',
  ];
  const same = (name, value) => lines.push(`#ifdef ${name}`, `SAME(${name}, ${value});`, '#endif');
  for (const { macro, syscalls, registers, numbers } of arches) {
    lines.push(`#ifdef ${macro}`);
    for (const [name, nr] of Object.entries(syscalls)) same(`__NR_${name}`, nr);
    registers.fields.forEach((name, i) => lines.push(`SAME(offsetof(${registers.c}, ${name}), ${8 * i});`));
    lines.push(`SAME(sizeof(${registers.c}), ${registers.size});`);
    for (const [name, value] of Object.entries(numbers)) same(name, value);
    lines.push('#endif');
  }
  for (const [name, value] of Object.entries(ptrace.PTRACE)) same(`PTRACE_${name}`, value);
  for (const [name, value] of Object.entries(ptrace.PTRACE_O)) same(`PTRACE_O_${name}`, value);
  same('NT_PRSTATUS', ptrace.NT_PRSTATUS);
  for (const [name, value] of Object.entries(errno.ERRNO)) same(name, value);
  lines.push('');
  return lines.join('\n');
}

/**
 * Only headers of the kernel's user interface: libc's define some of the structures differently, or twice. A structure that the build host's headers are
 * too old for is not compared.
 */
function structChecks(structs, arches) {
  const own = new Set(arches.flatMap((arch) => Object.keys(arch.structs)));
  const all = Object.values(structs.STRUCTS);
  const lines = [
    '/* Generated from core/abi/structs.ts and core/arch by config/generate-native.mjs. Do not edit. Compiles only when the layouts are those of the kernel headers. */',
    ...[...new Set(all.map((row) => row.header))].sort().map((header) => `#include <${header}>`),
    '',
    '#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)',
    '#define FIELD(type, field, at, size) \\',
    '  _Static_assert(__builtin_offsetof(type, field) == (at) && sizeof(((type *)0)->field) == (size), #type " " #field)',
    '',
    '#ifdef __LP64__',
  ];
  const check = (row) => {
    if (row.needs) lines.push(`#ifdef ${row.needs}`);
    lines.push(`SIZE(${row.c}, ${row.size});`);
    for (const [field, [at, type]] of Object.entries(row.fields))
      lines.push(`FIELD(${row.c}, ${field}, ${at}, ${structs.FIELD_SIZE[type]});`);
    if (row.needs) lines.push('#endif');
  };
  for (const [name, row] of Object.entries(structs.STRUCTS)) if (!own.has(name)) check(row);
  lines.push('#endif');
  for (const { macro, structs: layouts } of arches) {
    lines.push(`#ifdef ${macro}`);
    for (const [name, layout] of Object.entries(layouts)) check({ ...structs.STRUCTS[name], ...layout });
    lines.push('#endif');
  }
  lines.push('');
  return lines.join('\n');
}

const folders = readdirSync(`${root}core/arch`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const arches = [];
for (const { name } of folders) arches.push((await load(`core/arch/${name}/native-checks.ts`)).NATIVE);
const files = {
  'native/generated/isa.h': isaHeader(await load('core/program/isa.ts'), arches),
  'native/generated/check_numbers.c': numberChecks(await load('core/abi/ptrace.ts'), await load('core/abi/errno.ts'), arches),
  'native/generated/check_structs.c': structChecks(await load('core/abi/structs.ts'), arches),
};

function oldText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null; // First run: there is nothing to compare with.
  }
}

for (const [name, text] of Object.entries(files)) {
  const file = `${root}${name}`;
  if (oldText(file) === text) continue;
  if (process.argv.includes('--check')) {
    console.error(`${file} is stale: run node config/generate-native.mjs`);
    process.exit(1);
  }
  mkdirSync(`${root}native/generated`, { recursive: true });
  writeFileSync(file, text);
}
