/** Another architecture must be an added folder in core/arch: nothing else in core may know a register, an image field or a file of one of them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { repository } from '../../helpers/run-command.js';

const CORE = join(repository, 'core');
/** The architectures themselves, and the schema of all images, which names the fields of every architecture. */
const FREE = [join(CORE, 'arch'), join(CORE, 'images/generated')];
const KNOWS: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['an x86 register', /\b(?:orig_)?[re](?:[abcd]x|[sd]i|[sb]p|ip|flags)\b|\borig_ax\b|\br(?:8|9|1[0-5])[dwb]?\b|\b[fg]s_base\b/],
  ['a vector register or its state', /\b(?:[xyz]mm\d*(?:h?_space|_upper)?|x(?:save|state)\w*|fpregs|mxcsr)\b/i],
  ['an arm64 register', /'x(?:[0-9]|[12][0-9]|30)'|\b(?:pstate|fpsimd|tpidr\w*)\b/],
  ['registers of one architecture in the images', /\bgpregs\b|\bthread_info\b|\bti_(?:arm|aarch64|ppc64|s390|mips|loongarch64|riscv64)\b/],
  ['a regset of one architecture', /\bNT_(?:X86|ARM|PRFPREG)\w*/],
  ['the numbers of one architecture', /\.(?:x64|arm64)\b/],
  ['an instruction', /\bSYSCALL_INSTRUCTION\b|0x0f, 0x05/],
  ['the files of one architecture', /\.\/arch\/[\w-]+\/|['/](?:[\w-]+-)?(?:x64|arm64)\.js'/],
  ['which architecture this is', /\bprocess\.arch\b/],
];

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (FREE.includes(path)) return [];
    if (entry.isDirectory()) return sources(path);
    return /\.(?:ts|cjs)$/.test(entry.name) ? [path] : [];
  });
}

/** `file:line knows what: the line` for every line that does. */
function knowing(path: string, text: string): string[] {
  return text.split('\n').flatMap((line, i) => {
    const found = KNOWS.find(([, pattern]) => pattern.test(line));
    return found ? [`${relative(repository, path)}:${i + 1} knows ${found[0]}: ${line.trim()}`] : [];
  });
}

test('only core/arch knows the architecture', () => {
  const files = sources(CORE);
  assert.ok(files.length > 200, `only ${files.length} sources found`);
  assert.deepEqual(
    files.flatMap((path) => knowing(path, readFileSync(path, 'utf8'))),
    [],
  );
});

test('a line that knows one is found', () => {
  const lines = [
    "registers.set('rip', at)",
    "regs.get('orig_rax')",
    'const eflags = 0x202;',
    'SYSCALLS.getpid.x64',
    "import { registers } from './registers/x64.js';",
    "import { jumpTo } from './vdso-x64.js';",
    "import { NUMBERS } from '../arch/x64/syscalls.js';",
    'core.thread_info?.gpregs.ax',
    'NT_X86_XSTATE',
    't.xstate',
    'NT_ARM_SYSTEM_CALL',
    "if (process.arch === 'x64')",
    '/** What the kernel leaves in rax. */',
    "const ORDER = ['r10', 'r8']",
    "set(registers, 'x8', nr)",
  ];
  for (const line of lines) assert.equal(knowing(join(CORE, 'some.ts'), line).length, 1, line);
  for (const line of [
    'const { ip, sp } = place;',
    'a0x8',
    'strip(x)',
    'Flags of x86-64',
    'syscallAt',
    'r = max(x, y)',
    '`1 2 0 (x14)`',
    '(arch/x86/entry/vdso/vma.c)',
  ])
    assert.deepEqual(knowing(join(CORE, 'some.ts'), line), []);
});

test('implementations of one architecture know no other one, and nothing that runs above them', () => {
  for (const { name } of readdirSync(join(CORE, 'arch'), { withFileTypes: true }).filter((entry) => entry.isDirectory()))
    for (const file of readdirSync(join(CORE, 'arch', name))) {
      const imports = [...readFileSync(join(CORE, 'arch', name, file), 'utf8').matchAll(/^import (type )?.* from '(.*)';$/gm)];
      for (const [, type, from] of imports)
        assert.ok(
          type !== undefined || from === '../../errors.js' || /^\.\/[\w-]+\.js$/.test(from!),
          `core/arch/${name}/${file} imports ${from}`,
        );
    }
});
