// Makes native/generated/isa.h from core/program/isa.ts. `--check` fails when the file is stale instead of writing it.
import { buildSync } from 'esbuild';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const root = new URL('..', import.meta.url).pathname;
const code = buildSync({ entryPoints: [`${root}core/program/isa.ts`], bundle: true, format: 'esm', write: false, platform: 'node' });
const isa = await import(`data:text/javascript;base64,${Buffer.from(code.outputFiles[0].contents).toString('base64')}`);

const lines = ['/* Generated from core/program/isa.ts by config/generate-native.mjs. Do not edit. */', '#ifndef CRIU_TS_ISA_H', '#define CRIU_TS_ISA_H', ''];
const table = (prefix, entries) => {
  for (const [name, value] of Object.entries(entries)) lines.push(`#define ${prefix}${name.replace(/([A-Z])/g, '_$1').toUpperCase()} ${value}`);
  lines.push('');
};
table('OP_', isa.OP);
table('KIND_', isa.KIND);
table('POLICY_', isa.POLICY);
table('CELL_', isa.CELL);
table('TB_', isa.THREAD_BLOCK);
table('BOOT_', isa.SEED_BOOT);
table('STUB_', isa.STUB_DATA);
lines.push(`#define CELL_SIZE ${isa.CELL_SIZE}`, `#define THREAD_BLOCK_SIZE ${isa.THREAD_BLOCK_SIZE}`, `#define STUB_DATA_SIZE ${isa.STUB_DATA_SIZE}`);
lines.push(`#define SEED_BOOT_SIZE ${isa.SEED_BOOT_SIZE}`, `#define SEED_FD ${isa.SEED_FD}`, '', '#endif', '');
const text = lines.join('\n');
const file = `${root}native/generated/isa.h`;
let old = '';
try {
  old = readFileSync(file, 'utf8');
} catch {
  // First run: there is nothing to compare with.
}
if (old !== text) {
  if (process.argv.includes('--check')) {
    console.error(`${file} is stale: run node config/generate-native.mjs`);
    process.exit(1);
  }
  mkdirSync(`${root}native/generated`, { recursive: true });
  writeFileSync(file, text);
}
