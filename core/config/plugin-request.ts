/** What somebody asks for when a plugin is enabled, before anything was looked for or loaded. */
import { isAbsolute, resolve } from 'node:path';
import { CrError } from '../errors.js';
import { BadValue } from './bad-value.js';
import { isPath, parsePluginReference } from './plugin-argument.js';
import { type Provenance, provenanceText } from './provenance.js';

export interface PluginRequest {
  /** A name, an absolute path, or the plugin itself. */
  readonly reference: string | object;
  /** Semver range that the plugin's version has to be in. */
  readonly range?: string;
  /** As given: texts from the command line, any data from a file. The plugin's own schema says what they must be. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly from: Provenance;
}

/** What the library functions and `criu.config.*` take: `NAME[@RANGE]`, `PATH[@RANGE]`, a plugin, or one of these with options. */
export type PluginEntry = string | object | readonly [plugin: string | object, options: Readonly<Record<string, unknown>>];

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Told from a plugin by where it came from: plugins have no such field. */
function isRequest(value: unknown): value is PluginRequest {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'reference') && Object.hasOwn(value, 'from');
}

/** @param folder relative paths start there */
function toReference(plugin: unknown, folder: string): Pick<PluginRequest, 'reference' | 'range'> {
  if (typeof plugin === 'object' && plugin !== null && !Array.isArray(plugin)) return { reference: plugin };
  if (typeof plugin !== 'string') throw new BadValue('expected a name, a path or a plugin');
  const { reference, range } = parsePluginReference(plugin);
  const full = isPath(reference) && !isAbsolute(reference) ? resolve(folder, reference) : reference;
  return { reference: full, ...(range === undefined ? {} : { range }) };
}

/**
 * One entry of a list of plugins.
 * @param folder relative paths start there
 * @throws BadValue saying what was expected
 */
export function toPluginRequest(entry: unknown, folder: string, from: Provenance): PluginRequest {
  if (!Array.isArray(entry)) return { ...toReference(entry, folder), from };
  const [plugin, options, ...rest] = entry as readonly unknown[];
  if (rest.length > 0 || entry.length === 0) throw new BadValue(`expected [plugin, options], found a list of ${entry.length}`);
  if (options === undefined) return { ...toReference(plugin, folder), from };
  if (!isRecord(options)) throw new BadValue('expected an object with options after the plugin');
  return { ...toReference(plugin, folder), options, from };
}

/**
 * The `plugins` of a library call. Relative paths start in the working folder; requests that the command line made pass as they are.
 * @throws CrError CR_USAGE naming the entry
 */
export function toPluginRequests(entries: readonly (PluginEntry | PluginRequest)[], caller: string): PluginRequest[] {
  return entries.map((entry, index) => {
    if (isRequest(entry)) return entry;
    const from: Provenance = { kind: 'call', function: caller };
    try {
      return toPluginRequest(entry, process.cwd(), from);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      throw new CrError('CR_USAGE', {
        message: `${provenanceText(from)} plugins[${index}]: ${error.message}`,
        hint: "Give a name ('cuda'), a path ('./my-plugin.ts'), a plugin, or [plugin, options].",
        target: 'not started',
      });
    }
  });
}
