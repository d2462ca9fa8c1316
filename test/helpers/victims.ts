/**
 * The self-checking C programs of test/fixtures/victims. The first line of a victim says how it is built and dumped:
 *   // victim: [cflags=WORD] [libs=WORD] [needs=FEATURE] [hugepages=N] [shares=WHAT] [dump=OPTION] [restore=OPTION]
 * A key may come more than once. `dump` and `restore` are options that both tools need for this object (such as dump=--link-remap); `hugepages` are
 * reserved while it runs. `shares` names something that the machine has once (the numbers of ptys, which process number comes next): such a victim runs
 * when no other does.
 */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repository } from './run-command.js';

const SOURCES = join(repository, 'test/fixtures/victims');
const BUILT = join(repository, 'test/.work/victims');
const FLAGS = ['-std=gnu17', '-O1', '-g', '-Wall', '-pthread'];
const LIBRARIES = ['-lm', '-lrt', '-ldl'];

export interface Victim {
  readonly name: string;
  readonly source: string;
  readonly cflags: readonly string[];
  readonly libs: readonly string[];
  readonly needs: readonly string[];
  readonly hugePages: number;
  readonly shares: string | null;
  readonly dumpOptions: readonly string[];
  readonly restoreOptions: readonly string[];
}

function parse(file: string): Victim[] {
  const source = join(SOURCES, file);
  const first = readFileSync(source, 'utf8').split('\n', 1)[0] ?? '';
  if (!first.startsWith('// victim:')) return [];
  const words = first.slice('// victim:'.length).split(' ').filter(Boolean);
  const values = (key: string): string[] => words.filter((word) => word.startsWith(`${key}=`)).map((word) => word.slice(key.length + 1));
  const known = /^(cflags|libs|needs|hugepages|shares|dump|restore)=/;
  const strange = words.find((word) => !known.test(word));
  if (strange !== undefined) throw new Error(`${source}: its first line has the unknown word ${strange}`);
  return [
    {
      name: file.slice(0, -2),
      source,
      cflags: values('cflags'),
      libs: values('libs'),
      needs: values('needs'),
      hugePages: Number(values('hugepages')[0] ?? 0),
      shares: values('shares')[0] ?? null,
      dumpOptions: values('dump'),
      restoreOptions: values('restore'),
    },
  ];
}

/** All victims, by name. */
export function victims(): Victim[] {
  return readdirSync(SOURCES)
    .filter((file) => file.endsWith('.c'))
    .sort()
    .flatMap(parse);
}

function headers(): string {
  const files = readdirSync(SOURCES).filter((file) => file.endsWith('.h'));
  return files
    .sort()
    .map((file) => readFileSync(join(SOURCES, file), 'utf8'))
    .join('\0');
}

/** Programs that are being compiled by this process. */
const inWork = new Map<string, Promise<string>>();

/** Compiles a victim unless that was done for the same source, headers and flags. @returns the program. @throws Error with what cc said */
export async function buildVictim(victim: Victim): Promise<string> {
  const compiler = process.env['CC'] ?? 'cc';
  const flags = [...FLAGS, ...victim.cflags];
  const hash = createHash('sha256').update([compiler, ...flags, ...victim.libs, readFileSync(victim.source, 'utf8'), headers()].join('\0'));
  const program = join(BUILT, `${victim.name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  mkdirSync(BUILT, { recursive: true });
  const work = inWork.get(program) ?? compile(program, compiler, [...flags, victim.source, ...victim.libs, ...LIBRARIES]);
  inWork.set(program, work);
  return work;
}

/** Two test files may build the same program at once: each writes a file of its own, and the name appears with the whole program behind it. */
async function compile(program: string, compiler: string, args: readonly string[]): Promise<string> {
  const own = `${program}.${randomUUID()}`;
  await promisify(execFile)(compiler, ['-o', own, ...args]);
  renameSync(own, program);
  return program;
}
