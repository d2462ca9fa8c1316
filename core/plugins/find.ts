/** Where plugins are, by their manifests: nothing of theirs is run here. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Manifest } from './definition.js';
import { type Data, entriesOf, installedIn, isData, type PackageData, PackageReader } from './packages.js';
import { BUNDLED } from './places.js';
import { manifestProblems } from './validate.js';

export type Origin = 'folder' | 'bundled' | 'installed';

/** A package with a good manifest. */
export interface FoundPlugin {
  readonly manifest: Manifest;
  /** Name of the package, which may be used instead of that of the plugin. */
  readonly packageName: string;
  readonly folder: string;
  /** File to import. */
  readonly entry: string;
  readonly origin: Origin;
}

/** A package that says it is a plugin and cannot be one. It stops nobody who does not name it. */
export interface BrokenPlugin {
  readonly folder: string;
  readonly names: readonly string[];
  readonly problems: readonly string[];
}

export interface Found {
  /** The first of each name. */
  readonly plugins: readonly FoundPlugin[];
  /** Those whose name was found before. */
  readonly others: readonly FoundPlugin[];
  readonly broken: readonly BrokenPlugin[];
}

export interface Places {
  /** Folders that the user named: each subfolder may be a package. */
  readonly folders: readonly string[];
  /** Folder of criu-ts itself: what is bundled lies in its plugins/. */
  readonly home: string;
}

/** The file that importing the package would load: `exports`, or `main`, or index.js. */
function entryOf(data: Data, folder: string): string | null {
  const target = (value: unknown): string | undefined => {
    if (typeof value === 'string') return value;
    if (!isData(value)) return undefined;
    return target(value['.']) ?? target(value['import']) ?? target(value['default']);
  };
  const named = target(data['exports']) ?? target(data['main']) ?? 'index.js';
  const path = join(folder, named);
  return existsSync(path) ? path : null;
}

/** The plugin in a folder: null when it is no plugin. */
export function readPlugin(folder: string, origin: Origin, packages = new PackageReader()): FoundPlugin | BrokenPlugin | null {
  const broken = (problems: readonly string[], names: readonly string[] = []): BrokenPlugin => ({ folder, names, problems });
  let written: PackageData | null;
  try {
    written = packages.read(folder);
  } catch (error) {
    return broken([`package.json: ${error instanceof Error ? error.message : String(error)}`]);
  }
  if (!written) return null;
  const { data } = written;
  const packageName = typeof data['name'] === 'string' ? data['name'] : '';
  // The version of the package is that of the plugin, unless the manifest has one.
  const manifest: unknown = isData(written.manifest) ? { version: data['version'], ...written.manifest } : written.manifest;
  const names = [packageName, isData(manifest) && typeof manifest['name'] === 'string' ? manifest['name'] : ''].filter(
    (name) => name !== '',
  );
  const problems = manifestProblems(manifest);
  if (problems.length > 0) return broken(problems, names);
  const entry = entryOf(data, folder);
  if (entry === null) return broken(['the file that "exports" or "main" names is not there: build the plugin'], names);
  return { manifest: manifest as Manifest, packageName, folder, entry, origin };
}

/** Folders in one node_modules by name, those without a scope first. */
function sorted(folders: readonly string[]): string[] {
  const scoped = (folder: string) => Number(basename(dirname(folder)).startsWith('@'));
  return [...folders].sort((a, b) => scoped(a) - scoped(b) || (a < b ? -1 : 1));
}

/** Looks into every place, in this order. */
export function findPlugins(places: Places): Found {
  const packages = new PackageReader();
  const list: (FoundPlugin | BrokenPlugin | null)[] = [
    ...places.folders.flatMap((folder) => [folder, ...entriesOf(folder)]).map((folder) => readPlugin(folder, 'folder', packages)),
    ...BUNDLED.map((name) => readPlugin(join(places.home, 'plugins', name), 'bundled', packages)),
    ...installedIn(places.home)
      .flatMap(sorted)
      .map((folder) => readPlugin(folder, 'installed', packages)),
  ];
  const plugins: FoundPlugin[] = [];
  const others: FoundPlugin[] = [];
  const broken: BrokenPlugin[] = [];
  for (const item of list) {
    if (!item) continue;
    if ('problems' in item) broken.push(item);
    else (plugins.some(({ manifest }) => manifest.name === item.manifest.name) ? others : plugins).push(item);
  }
  return { plugins, others, broken };
}

/** The plugin that somebody means by a name: its own, that of its package, or the last part of that (`cuda` for @criu-ts/plugin-cuda). */
export function byName(plugins: readonly FoundPlugin[], name: string): FoundPlugin | undefined {
  const short = (packageName: string) => packageName.replace(/^@[^/]*\//, '').replace(/^(criu-)?plugin-/, '');
  return (
    plugins.find(({ manifest }) => manifest.name === name) ??
    plugins.find(({ packageName }) => packageName === name) ??
    plugins.find(({ packageName }) => short(packageName) === name)
  );
}
