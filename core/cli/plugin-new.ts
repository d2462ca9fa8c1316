/** `criu-ts plugin new NAME`: a package that builds and has a passing test. The SDK that came with this criu-ts goes along as an archive. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CrError } from '../errors.js';
import { homeFolder } from '../plugins/places.js';

export interface NewPlugin {
  readonly name: string;
  /** Where; the default is a folder of the package's name in the working directory. */
  readonly folder: string | undefined;
  readonly native: boolean;
}

/** Every place in the templates that means the new plugin. */
const SAMPLE = /criu-plugin-sample|sample/g;
const NAME = /^[a-z][a-z0-9-]{0,40}$/;
const PACK_MS = 60_000;

type Data = Record<string, unknown>;

function refuse(code: 'CR_USAGE' | 'CR_IMAGE_WRITE', message: string, hint: string): CrError {
  return new CrError(code, { message, hint, target: 'not started' });
}

/** Objects key by key; what `over` says counts. */
function merged(base: Data, over: Data): Data {
  const isData = (value: unknown): value is Data => typeof value === 'object' && value !== null && !Array.isArray(value);
  const out: Data = { ...base };
  for (const [key, value] of Object.entries(over)) out[key] = isData(value) && isData(out[key]) ? merged(out[key], value) : value;
  return out;
}

const readJson = (path: string): Data => JSON.parse(readFileSync(path, 'utf8')) as Data;

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(folder, path)).isFile());
}

/** Puts the new name into the files. In C and in image names it has underscores. */
function rename(folder: string, name: string): void {
  const word = name.replaceAll('-', '_');
  for (const path of filesIn(folder)) {
    if (path.startsWith('vendor/')) continue;
    const text = readFileSync(join(folder, path), 'utf8');
    writeFileSync(
      join(folder, path),
      text.replace(SAMPLE, (found) => (found === 'sample' ? word : `criu-plugin-${name}`)),
    );
    if (path.endsWith('/sample.cc')) renameSync(join(folder, path), join(folder, path.replace(/sample\.cc$/, `${word}.cc`)));
  }
  // npm leaves a file of that name out of archives, so the template has it without the dot.
  renameSync(join(folder, 'gitignore'), join(folder, '.gitignore'));
}

/** The SDK of this criu-ts as an archive. @returns its name */
function packSdk(sdk: string, folder: string): string {
  if (!existsSync(join(sdk, 'dist/index.js')))
    throw refuse('CR_USAGE', `${sdk} is not built`, 'Run `npm run setup` in the criu-ts folder.');
  mkdirSync(folder, { recursive: true });
  const done = spawnSync('npm', ['pack', '--silent', '--offline', sdk], { cwd: folder, encoding: 'utf8', timeout: PACK_MS });
  const name = done.stdout?.trim().split('\n').at(-1) ?? '';
  if (done.status === 0 && existsSync(join(folder, name))) return name;
  const said = done.error?.message ?? done.stderr.trim().split('\n').at(-1);
  throw refuse('CR_USAGE', `npm pack ${sdk} failed: ${said}`, 'npm must be in PATH; it comes with Node.');
}

/** Makes the package. @returns the folder. @throws CrError CR_USAGE; a folder that holds something is left as it is */
export function makePlugin({ name, folder = `criu-plugin-${name}`, native }: NewPlugin): string {
  if (!NAME.test(name))
    throw refuse(
      'CR_USAGE',
      `"${name.slice(0, 60)}" is no name for a plugin`,
      'Small letters, digits and "-", at most 41, the first one a letter.',
    );
  const to = resolve(folder);
  if (existsSync(to) && (!statSync(to).isDirectory() || readdirSync(to).length > 0))
    throw refuse('CR_USAGE', `${to} exists and is not empty`, 'Name another folder: criu-ts plugin new NAME FOLDER.');
  const sdk = join(homeFolder(), 'plugins/sdk');
  try {
    mkdirSync(to, { recursive: true });
    const archive = packSdk(sdk, join(to, 'vendor'));
    let manifest = readJson(join(sdk, 'template/package.json'));
    cpSync(join(sdk, 'template'), to, { recursive: true });
    if (native) {
      manifest = merged(manifest, readJson(join(sdk, 'template-native/package.json')));
      cpSync(join(sdk, 'template-native'), to, { recursive: true });
    }
    manifest = merged(manifest, { dependencies: { '@criu-ts/plugin-sdk': `file:vendor/${archive}` } });
    writeFileSync(join(to, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    rename(to, name);
  } catch (error) {
    if (error instanceof CrError) throw error;
    throw refuse('CR_IMAGE_WRITE', `${to} could not be written: ${(error as Error).message}`, 'Name a folder that can be written.');
  }
  return to;
}

/** Words after `plugin new`. @returns lines to print */
export function runPluginNew([name, folder, ...more]: readonly string[], native: boolean): string[] {
  if (name === undefined || more.length > 0)
    throw refuse('CR_USAGE', 'plugin new needs a name', 'criu-ts plugin new NAME [FOLDER] [--native]');
  const to = makePlugin({ name, folder, native });
  return [`${to} is a plugin now. Next:`, `  cd ${to}`, '  npm install', '  npm test'];
}
