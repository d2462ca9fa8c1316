/** `criu-ts config`: the configuration that counts, and where each value came from. */
import { type EffectiveConfig, toEffective, traceLayers } from '../config/effective.js';
import { type Provenance, provenanceText } from '../config/provenance.js';
import { without } from '../config/without.js';
import { printable } from '../log.js';
import { resolveDumpOptions, resolveRestoreOptions } from '../options.js';
import type { CommandLine } from './command-line.js';
import type { CommandRunner } from './main.js';
import { Output, unlessClosed } from './output.js';

interface Entry {
  readonly name: string;
  readonly value: unknown;
  readonly from: Provenance;
}

const BY_DEFAULT: Provenance = { kind: 'default' };

/** What dump and restore use when nobody says anything: asked of the library, so that there is no second list. */
function defaults(): Readonly<Record<string, unknown>> {
  return { ...without(resolveDumpOptions({ pid: 1 }), 'pid'), ...resolveRestoreOptions({}) };
}

/** Every option that has a value, by its name in the library. */
function optionEntries({ options, from }: EffectiveConfig, { settings }: CommandLine): Entry[] {
  const ofCommand = without(settings, 'engine', 'plugins');
  const ofEngine = without(options, 'plugins', 'disabledPlugins', 'pluginDirs', 'pluginRanking');
  const said: Readonly<Record<string, unknown>> = { ...ofEngine, ...ofCommand };
  // The work folder follows the folder of the images, which somebody may have set.
  const rest = { ...defaults(), workDir: ofEngine.imagesDir ?? '.' };
  const names = [...new Set([...Object.keys(rest), ...Object.keys(said)])].sort();
  return names.map((name) => ({ name, value: said[name] ?? rest[name as keyof typeof rest], from: from.get(name) ?? BY_DEFAULT }));
}

function pluginEntries({ plugins, disabled, folders, ranking }: EffectiveConfig): Entry[] {
  return [
    ...plugins.map(({ from, ...request }) => ({ name: 'plugin', value: request, from })),
    ...disabled.map(({ name, from }) => ({ name: 'disabled plugin', value: name, from })),
    ...folders.map(({ path, from }) => ({ name: 'plugin folder', value: path, from })),
    ...(ranking === undefined ? [] : [{ name: 'ranking', value: ranking.names, from: ranking.from }]),
  ];
}

/** Options of plugins in a .ts file may be anything. */
function toJson(value: unknown, indent = 0): string {
  const above: unknown[] = [];
  return JSON.stringify(
    value,
    function plain(this: unknown, _key: string, at: unknown): unknown {
      if (typeof at === 'function') return '(a function)';
      if (typeof at === 'bigint' || typeof at === 'symbol') return String(at);
      if (typeof at !== 'object' || at === null) return at;
      // `this` is what `at` is a part of.
      while (above.length > 0 && above.at(-1) !== this) above.pop();
      if (above.includes(at)) return '(itself)';
      above.push(at);
      return at;
    },
    indent,
  );
}

/** A plugin itself is shown by its name; its parts are code. */
function referenceText(reference: string | object): string {
  if (typeof reference === 'string') return reference;
  const { name, plugin } = reference as { name?: unknown; plugin?: { name?: unknown } };
  const own = name ?? plugin?.name;
  return typeof own === 'string' ? `(plugin ${own})` : '(plugin)';
}

function shown({ name, value, from }: Entry): Entry {
  if (name !== 'plugin') return { name, value, from };
  const { reference, ...rest } = value as EffectiveConfig['plugins'][number];
  return { name, value: { reference: referenceText(reference), ...rest }, from };
}

function textLines(config: EffectiveConfig, entries: readonly Entry[]): string[] {
  const head = [`file: ${config.file ?? 'none'}`];
  if (config.profile !== undefined) head.push(`profile: ${config.profile}`);
  const cells = entries.map(
    ({ name, value, from }) => [name, typeof value === 'string' ? value : toJson(value), provenanceText(from)] as const,
  );
  const width = (column: 0 | 1): number => Math.min(40, Math.max(...cells.map((row) => row[column].length)));
  const [first, second] = [width(0), width(1)];
  return [...head, '', ...cells.map(([name, value, from]) => `${name.padEnd(first)}  ${value.padEnd(second)}  ${from}`)].map(printable);
}

function jsonForm(config: EffectiveConfig, options: readonly Entry[], plugins: readonly Entry[]): unknown {
  const of = (wanted: string): unknown[] => plugins.filter(({ name }) => name === wanted).map(({ value, from }) => ({ value, from }));
  return {
    file: config.file ?? null,
    profile: config.profile ?? null,
    refused: config.refused,
    options: Object.fromEntries(options.map(({ name, value, from }) => [name, { value, from }])),
    plugins: of('plugin'),
    disabledPlugins: of('disabled plugin'),
    pluginDirs: of('plugin folder'),
    ranking: of('ranking')[0] ?? null,
  };
}

/** Prints to standard output; the same text for the same configuration. */
export const runConfig: CommandRunner = (line) => {
  const config = toEffective(traceLayers(line.layers, 'config'), line.own, line.settings.profile);
  const settings = without(line.settings, 'format', 'pretty', 'profile');
  const options = optionEntries(config, { ...line, settings });
  const plugins = pluginEntries(config).map(shown);
  const out = new Output();
  unlessClosed(() => {
    if (line.settings.format === 'json') out.line(toJson(jsonForm(config, options, plugins), 2));
    else for (const text of textLines(config, [...options, ...plugins])) out.line(text);
    if (line.settings.format !== 'json') for (const text of config.refused) out.line(printable(`\nnot used: ${text}`));
    out.flush();
  });
  return Promise.resolve(0);
};
