/** Packages on disk and what their package.json says. Nothing of theirs is run, and nothing is judged: find.ts does that. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { INSTALLED, installedFolders, MANIFEST_KEY } from './places.js';

const MAX_PACKAGE_BYTES = 1 << 20;
const MAX_ENTRIES = 10_000;

export type Data = Readonly<Record<string, unknown>>;

export function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a package says of itself. */
export interface PackageData {
  readonly data: Data;
  /** As it was written: anything. */
  readonly manifest: unknown;
}

/** package.json of a folder; null when there is none, or when it says nothing about a plugin. @throws SyntaxError, Error of the file system */
export function readPackage(folder: string): PackageData | null {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return null;
  const path = join(folder, 'package.json');
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) return null;
  if (stat.size > MAX_PACKAGE_BYTES) throw new SyntaxError(`is larger than ${MAX_PACKAGE_BYTES} bytes`);
  const data: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return isData(data) && Object.hasOwn(data, MANIFEST_KEY) ? { data, manifest: data[MANIFEST_KEY] } : null;
}

/** Everything in a folder, sorted; nothing when it is not there. */
export function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .slice(0, MAX_ENTRIES)
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** Packages that are looked at without being named. */
export function installedIn(home: string): string[] {
  return installedFolders(home).flatMap((root) => {
    const all = entriesOf(root);
    const scoped = all.filter((path) => path.startsWith('@', root.length + 1)).flatMap(entriesOf);
    return [...all, ...scoped].filter((path) => INSTALLED.test(path.slice(path.lastIndexOf('/') + 1)));
  });
}

/** None of the paths that a plugin needs is there: the reason why it stays off. */
export function hostProblem(host: { readonly anyOf?: readonly string[] } | undefined): string | null {
  const paths = host?.anyOf ?? [];
  if (paths.length === 0 || paths.some((path) => existsSync(path))) return null;
  return `this host has none of ${paths.join(', ')}`;
}
