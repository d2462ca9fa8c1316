// Makes core/images/generated/*.ts from core/images/schema/*.proto: one module per schema file with interfaces, enum values and field tables, and
// hints.ts with the (show) options. `--check` fails when a file is stale instead of writing it.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

const root = new URL('..', import.meta.url).pathname;
const schemaDir = join(root, 'core/images/schema');
const outDir = join(root, 'core/images/generated');

/** Types of core/images/message.ts, and what a value is in TypeScript. */
const SCALARS = {
  uint32: 'number',
  int32: 'number',
  sint32: 'number',
  uint64: 'bigint',
  int64: 'bigint',
  sint64: 'bigint',
  fixed64: 'bigint',
  bool: 'boolean',
  string: 'string',
  bytes: 'Uint8Array',
};

/** Messages whose arrays of numbers may also be packed ones, for encoding: the vector registers of a thread are four hundred. */
const PACKED_IN = new Set(['user_x86_fpregs_entry', 'user_x86_xsave_entry']);
const PACKED = { uint32: 'Uint32Array', uint64: 'BigUint64Array' };

function arrayType(message, field, of) {
  return PACKED_IN.has(message) && field.type in PACKED ? `${of}[] | ${PACKED[field.type]}` : `${of}[]`;
}

const words = (name) =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .split('_')
    .filter(Boolean);
const pascal = (name) =>
  words(name)
    .map((word) => word[0].toUpperCase() + word.slice(1))
    .join('');
const screaming = (name) => words(name).join('_').toUpperCase();

/** Name with the messages around it: core_entry.march becomes core_entry_march. */
function fullName(type) {
  return type.parent instanceof protobuf.Type ? `${fullName(type.parent)}_${type.name}` : type.name;
}

/** All schema files, parsed into one namespace: { file, types } in file order. The options of options.proto are read as plain text names. */
function parseAll() {
  const all = new protobuf.Root();
  const files = readdirSync(schemaDir)
    .filter((name) => name.endsWith('.proto') && name !== 'options.proto')
    .sort();
  const modules = [];
  for (const file of files) {
    const before = new Set(all.nestedArray);
    protobuf.parse(readFileSync(join(schemaDir, file), 'utf8'), all, { keepCase: true });
    const types = [];
    for (const type of all.nestedArray) if (!before.has(type)) collect(type, types);
    modules.push({ file: file.replace(/\.proto$/, ''), types });
  }
  all.resolveAll();
  return modules;
}

function collect(type, out) {
  if (type instanceof protobuf.Type) for (const inner of type.nestedArray) collect(inner, out);
  out.push(type);
}

function ruleOf(field) {
  if (field.repeated) return 'repeated';
  return field.required ? 'required' : 'optional';
}

function enumLines(type) {
  const name = fullName(type);
  const lines = [`export const ${screaming(name)} = {`];
  for (const [key, value] of Object.entries(type.values)) lines.push(`  ${key}: ${value},`);
  lines.push('} as const;');
  return lines;
}

function tsType(field, use) {
  const to = field.resolvedType;
  if (to instanceof protobuf.Type) return use(to, pascal(fullName(to)));
  if (to instanceof protobuf.Enum) return 'number';
  const scalar = SCALARS[field.type];
  if (scalar === undefined) throw new Error(`${field.fullName}: type ${field.type} is not one that core/images/message.ts knows`);
  return scalar;
}

function specType(field, use) {
  const to = field.resolvedType;
  if (to instanceof protobuf.Type) return use(to, screaming(fullName(to)));
  if (to instanceof protobuf.Enum) return `{ enum: '${fullName(to)}', values: ${use(to, screaming(fullName(to)))} }`;
  return `'${field.type}'`;
}

function messageLines(type, useType, useValue) {
  const name = fullName(type);
  const lines = [`export interface ${pascal(name)} extends MessageBase {`];
  for (const field of type.fieldsArray) {
    const rule = ruleOf(field);
    const of = tsType(field, useType);
    const is = rule === 'repeated' ? `: ${arrayType(name, field, of)}` : rule === 'required' ? `: ${of}` : `?: ${of} | undefined`;
    lines.push(`  ${field.name}${is};`);
  }
  lines.push('}', '', `export const ${screaming(name)} : MessageType<${pascal(name)}> = new MessageType('${name}', () => [`);
  for (const field of type.fieldsArray) lines.push(`  [${field.id}, '${field.name}', '${ruleOf(field)}', ${specType(field, useValue)}],`);
  lines.push(']);');
  return lines;
}

function moduleText({ file, types }, homeOf) {
  const imports = new Map();
  // Each used name is imported from the module of its type.
  const use = (prefix) => (type, name) => {
    const home = homeOf.get(type);
    if (home !== file) imports.set(home, (imports.get(home) ?? new Set()).add(`${prefix}${name}`));
    return name;
  };
  const body = types.flatMap((type) => [
    '',
    ...(type instanceof protobuf.Enum ? enumLines(type) : messageLines(type, use('type '), use(''))),
  ]);
  const head = [`// Generated from core/images/schema/${file}.proto by config/generate-images.mjs. Do not edit.`];
  if (types.some((type) => type instanceof protobuf.Type)) head.push("import { MessageType, type MessageBase } from '../message.js';");
  for (const [home, names] of [...imports].sort(([a], [b]) => (a < b ? -1 : 1)))
    head.push(`import { ${[...names].sort().join(', ')} } from './${home}.js';`);
  return [...head, ...body, ''].join('\n');
}

/** `(show).hex = true` and the like of one field, as the text of an object; undefined when there are none. */
function hintText(field) {
  const hints = Object.entries(field.options ?? {}).filter(([key]) => key.startsWith('(show).'));
  if (hints.length === 0) return undefined;
  return `{ ${hints.map(([key, value]) => `${key.slice('(show).'.length)}: ${JSON.stringify(value).replaceAll('"', "'")}`).join(', ')} }`;
}

function hintsText(modules) {
  const lines = [
    '// Generated from core/images/schema/*.proto by config/generate-images.mjs. Do not edit.',
    "import type { ShowHint } from '../message.js';",
    '',
    '/** Message name, field name, how the field is shown. */',
    'export const SHOW_HINTS: Readonly<Record<string, Readonly<Record<string, ShowHint>>>> = {',
  ];
  for (const type of modules.flatMap(({ types }) => types)) {
    if (!(type instanceof protobuf.Type)) continue;
    const fields = type.fieldsArray.flatMap((field) => {
      const text = hintText(field);
      return text === undefined ? [] : [`    ${field.name}: ${text},`];
    });
    if (fields.length > 0) lines.push(`  ${fullName(type)}: {`, ...fields, '  },');
  }
  return [...lines, '};', ''].join('\n');
}

function generate() {
  const modules = parseAll();
  const homeOf = new Map(modules.flatMap(({ file, types }) => types.map((type) => [type, file])));
  const texts = new Map(modules.map((module) => [`${module.file}.ts`, moduleText(module, homeOf)]));
  return texts.set('hints.ts', hintsText(modules));
}

function readOld() {
  const old = new Map();
  mkdirSync(outDir, { recursive: true });
  for (const name of readdirSync(outDir)) old.set(name, readFileSync(join(outDir, name), 'utf8'));
  return old;
}

const texts = generate();
const old = readOld();
const stale = [...texts].filter(([name, text]) => old.get(name) !== text).map(([name]) => name);
const left = [...old.keys()].filter((name) => !texts.has(name));
if (process.argv.includes('--check')) {
  if (stale.length + left.length > 0) {
    console.error(`core/images/generated: ${[...stale, ...left].join(', ')} stale: run node config/generate-images.mjs`);
    process.exitCode = 1;
  }
} else {
  // Only what differs: tsc and the bundle rebuild by content, editors by time.
  for (const name of stale) writeFileSync(join(outDir, name), texts.get(name));
  for (const name of left) rmSync(join(outDir, name));
}
