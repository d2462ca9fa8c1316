/** From what a configuration file exports to options and requests. Every message names file, key, what was expected and what was found. */
import { dirname, resolve } from 'node:path';
import type { CrError } from '../errors.js';
import { closest } from '../nearest.js';
import { BadValue } from './bad-value.js';
import { LIST_KEYS, OPTION_KEYS, expectedText } from './keys.js';
import type { PluginLayer, SettingsLayer } from './layers.js';
import type { Occurrence } from './occurrence.js';
import { type OptionRow, usageError } from './option-row.js';
import { parsePluginName } from './plugin-argument.js';
import { type PluginRequest, toPluginRequest } from './plugin-request.js';
import { type Provenance, provenanceText } from './provenance.js';

/** PATH_MAX of include/uapi/linux/limits.h, twice. */
const MAX_TEXT = 8192;
const MAX_LIST = 1024;

type Record_ = Readonly<Record<string, unknown>>;

/** One object of a file: the whole, or a profile. */
interface Scope {
  readonly file: string;
  /** `profiles.gpu.` or nothing. */
  readonly prefix: string;
  readonly profile: string | undefined;
}

export interface ValidConfig {
  readonly base: SettingsLayer;
  readonly profiles: ReadonlyMap<string, SettingsLayer>;
}

function isRecord(value: unknown): value is Record_ {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The configuration may come from another realm (vm), whose Object.prototype is not ours.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What was found, short enough for a message. */
function foundText(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return { object: 'an object', undefined: 'nothing' }[typeof value as string] ?? `a ${typeof value}`;
}

function wrong({ file, prefix }: Scope, key: string, expected: string, value: unknown): CrError {
  return usageError(
    `${file}: ${prefix}${key}: expected ${expected}, found ${foundText(value)}`,
    'core/docs/config.md shows what can stand there.',
  );
}

function at({ file, prefix, profile }: Scope, key: string): Provenance {
  return { kind: 'file', file, key: `${prefix}${key}`, ...(profile === undefined ? {} : { profile }) };
}

/** The text that the command line would have given; undefined for a value of another kind. */
function toText(row: OptionRow, value: unknown): string | undefined {
  const text = typeof value === 'string' && value.length <= MAX_TEXT && !value.includes('\0') ? value : undefined;
  const number = Number.isSafeInteger(value) && Number(value) >= 0 ? String(value) : undefined;
  switch (row.takes) {
    case 'text':
      return text;
    case 'number':
      return number;
    case 'size':
    case 'any':
      return text ?? number;
    default:
      return row.takes.includes(String(value)) ? text : undefined;
  }
}

function readSwitch(scope: Scope, key: string, row: OptionRow, value: unknown): Occurrence[] {
  if (typeof value !== 'boolean') throw wrong(scope, key, expectedText(row), value);
  const from = at(scope, key);
  return [{ row, on: value, text: '', typed: provenanceText(from), from }];
}

function readOption(scope: Scope, key: string, row: OptionRow, value: unknown): Occurrence[] {
  if (row.arg === 'none') return readSwitch(scope, key, row, value);
  const list: readonly unknown[] = row.many && Array.isArray(value) ? value : [value];
  if (list.length > MAX_LIST) throw wrong(scope, key, `at most ${MAX_LIST} entries`, value);
  return list.map((entry, index) => {
    const name = list === value ? `${key}[${index}]` : key;
    const text = toText(row, entry);
    if (text === undefined) throw wrong(scope, name, expectedText(row), entry);
    const from = at(scope, name);
    return { row, on: true, text, typed: provenanceText(from), from };
  });
}

/** A list with a reader for each entry, which throws BadValue. */
function readList<T>(scope: Scope, key: string, value: unknown, what: string, read: (entry: unknown, from: Provenance) => T): T[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MAX_LIST)
    throw wrong(scope, key, `a list of ${what}${Array.isArray(value) ? ` with at most ${MAX_LIST} entries` : ''}`, value);
  return value.map((entry: unknown, index) => {
    const name = `${key}[${index}]`;
    try {
      return read(entry, at(scope, name));
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      throw usageError(`${scope.file}: ${scope.prefix}${name}: ${error.message}`, 'core/docs/config.md shows what can stand there.');
    }
  });
}

function toName(entry: unknown): string {
  if (typeof entry !== 'string') throw new BadValue(`expected the name of a plugin, found ${foundText(entry)}`);
  return parsePluginName(entry);
}

/** @param data a file of data cannot hold a plugin itself */
function readPlugins(scope: Scope, record: Record_, data: boolean): PluginLayer {
  const folder = dirname(scope.file);
  const toRequest = (entry: unknown, from: Provenance): PluginRequest => {
    const request = toPluginRequest(entry, folder, from);
    if (data && typeof request.reference !== 'string')
      throw new BadValue('expected a name, a path or [plugin, options]; a plugin itself can only stand in a .ts or .js file');
    return request;
  };
  const toFolder = (entry: unknown): string => {
    if (typeof entry !== 'string' || entry === '' || entry.length > MAX_TEXT || entry.includes('\0'))
      throw new BadValue(`expected a folder, found ${foundText(entry)}`);
    return resolve(folder, entry);
  };
  return {
    requests: readList(scope, 'plugins', record['plugins'], 'plugins', toRequest),
    disabled: readList(scope, 'disable', record['disable'], 'names', (entry, from) => ({ name: toName(entry), from })),
    folders: readList(scope, 'pluginDirs', record['pluginDirs'], 'folders', (entry, from) => ({ path: toFolder(entry), from })),
    ...(record['ranking'] === undefined
      ? {}
      : { ranking: { names: readList(scope, 'ranking', record['ranking'], 'names', toName), from: at(scope, 'ranking') } }),
  };
}

function checkKeys(scope: Scope, record: Record_, known: readonly string[]): void {
  for (const key of Object.keys(record)) {
    if (known.includes(key)) continue;
    const near = closest(key, known);
    throw usageError(
      `${scope.file}: ${scope.prefix}${key.slice(0, 80)}: there is no such key`,
      `The nearest key is ${near}; criu-ts config shows what a file amounts to.`,
    );
  }
}

function readScope(scope: Scope, record: Record_, data: boolean, more: readonly string[]): SettingsLayer {
  checkKeys(scope, record, [...LIST_KEYS, ...more, ...OPTION_KEYS.keys()]);
  const occurrences = [...OPTION_KEYS].flatMap(([key, row]) => (record[key] === undefined ? [] : readOption(scope, key, row, record[key])));
  return { occurrences, plugins: readPlugins(scope, record, data) };
}

/**
 * @param data true for JSON and YAML, false for what code exported
 * @throws CrError CR_USAGE
 */
export function validateConfig(value: unknown, file: string, data: boolean): ValidConfig {
  const whole: Scope = { file, prefix: '', profile: undefined };
  if (!isRecord(value))
    throw usageError(
      `${file}: expected an object, found ${foundText(value)}`,
      data ? 'Write keys and values.' : 'Write export default defineConfig({ ... }).',
    );
  const base = readScope(whole, value, data, ['profiles']);
  const { profiles = {} } = value;
  if (!isRecord(profiles)) throw wrong(whole, 'profiles', 'an object with a name for each profile', profiles);
  const read = Object.entries(profiles).map(([name, profile]) => {
    if (!isRecord(profile)) throw wrong(whole, `profiles.${name}`, 'an object', profile);
    return [name, readScope({ file, prefix: `profiles.${name}.`, profile: name }, profile, data, [])] as const;
  });
  return { base, profiles: new Map(read) };
}
