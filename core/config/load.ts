/** Reads `criu.config.*`. Loaded only when there is one. */
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { CrError } from '../errors.js';
import { closest } from '../nearest.js';
import { importCode } from './code.js';
import { type SettingsLayer, withProfile } from './layers.js';
import { usageError } from './option-row.js';
import { readTrusted } from './trust.js';
import { type ValidConfig, validateConfig } from './validate.js';

const WHAT = 'configuration';
/** Nobody writes a bigger one by hand. */
export const MAX_CONFIG_BYTES = 1 << 20;
/** Values in all, and how deep: references of YAML make a small file very large. */
const MAX_VALUES = 20_000;
const MAX_DEPTH = 32;

/** @throws BadDepth through usageError when the data is larger than anybody means it */
function checkExtent(value: unknown, file: string): void {
  let left = MAX_VALUES;
  const walk = (at: unknown, depth: number): void => {
    if (--left < 0 || depth > MAX_DEPTH) throw usageError(`${file}: more than ${MAX_VALUES} values, or deeper than ${MAX_DEPTH} levels`);
    if (typeof at === 'object' && at !== null) for (const part of Object.values(at)) walk(part, depth + 1);
  };
  walk(value, 0);
}

/** What the parsers tell about a mistake, in one line. */
function syntaxText(error: unknown): string {
  const { message, reason, mark } = error as { message?: string; reason?: string; mark?: { line: number; column: number } };
  if (reason !== undefined && mark !== undefined) return `line ${mark.line + 1}, column ${mark.column + 1}: ${reason}`;
  // cosmiconfig puts the name of the file first, and the parser adds pictures of the place, with colours where the environment asks for them (CI, FORCE_COLOR).
  const lines = stripVTControlCharacters(message ?? String(error))
    .split('\n')
    .filter((line) => !/^(?:\s*$|\s*>|\s+\||JSON Error in )/.test(line));
  return (lines[0] ?? 'is not valid').trim().slice(0, 300);
}

/** JSON and YAML through the loaders of cosmiconfig, from bytes that belong to the checked file. */
function readData(file: string, extension: '.json' | '.yaml'): unknown {
  const { bytes } = readTrusted(file, WHAT, MAX_CONFIG_BYTES);
  const { defaultLoaders } = createRequire(import.meta.url)('cosmiconfig') as typeof import('cosmiconfig');
  let value: unknown;
  try {
    value = defaultLoaders[extension](file, new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof TypeError) throw usageError(`${file}: is no text in UTF-8`);
    throw usageError(`${file}: ${syntaxText(error)}`, `Correct the ${extension === '.json' ? 'JSON' : 'YAML'}.`);
  }
  checkExtent(value, file);
  return value;
}

async function readCode(file: string): Promise<unknown> {
  const exported = await importCode(file, WHAT);
  if (!Object.hasOwn(exported, 'default'))
    throw usageError(`${file}: has no default export`, 'Write export default defineConfig({ ... }).');
  return exported['default'];
}

/** @throws CrError CR_NO_PERMISSION when others can change it, CR_USAGE when it cannot be read or says something wrong */
export async function loadConfigFile(file: string): Promise<ValidConfig> {
  const extension = extname(file);
  if (extension === '.json' || extension === '.yaml') return validateConfig(readData(file, extension), file, true);
  return validateConfig(await readCode(file), file, false);
}

/**
 * What a file says, with a profile when one is chosen; the nearest to the user last.
 * @throws CrError as `loadConfigFile`; CR_USAGE for a profile that it does not have
 */
export async function loadLayers(file: string, profile: string | undefined): Promise<readonly SettingsLayer[]> {
  const { base, profiles } = await loadConfigFile(file);
  if (profile === undefined) return [base];
  const chosen = profiles.get(profile);
  if (chosen !== undefined) return withProfile(base, chosen);
  const hint = profiles.size === 0 ? 'It has no profiles.' : `The nearest of its profiles is "${closest(profile, profiles.keys())}".`;
  throw new CrError('CR_USAGE', {
    message: `there is no profile "${profile.slice(0, 80)}"`,
    subject: { path: file },
    hint,
    target: 'not started',
  });
}
