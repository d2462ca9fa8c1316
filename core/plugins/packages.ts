/** Packages on disk and what their package.json says. Nothing of theirs is run, and nothing is judged: find.ts does that. */
import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { INSTALLED, installedFolders, MANIFEST_KEY } from './places.js';

const MAX_PACKAGE_BYTES = 1 << 20;
/** Nearly every package.json is smaller. */
const USUAL_BYTES = 8192;
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

/** Reads the package.json of many folders with as few calls as there can be, into the same memory: several hundred packages may be installed. */
export class PackageReader {
  private bytes: Buffer | null = null;

  /** Null when there is none, or when it says nothing about a plugin. @throws SyntaxError also for one that is too large, Error of the file system */
  read(folder: string): PackageData | null {
    const text = this.text(`${folder}/package.json`);
    if (text === null) return null;
    const data: unknown = JSON.parse(text);
    return isData(data) && Object.hasOwn(data, MANIFEST_KEY) ? { data, manifest: data[MANIFEST_KEY] } : null;
  }

  private text(path: string): string | null {
    let fd: number;
    try {
      // A fifo would keep us for ever.
      fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code;
      if (errno === 'ENOENT' || errno === 'ENOTDIR') return null;
      throw error;
    }
    try {
      const bytes = (this.bytes ??= Buffer.allocUnsafe(USUAL_BYTES));
      const got = readSync(fd, bytes, 0, USUAL_BYTES, 0);
      if (got < USUAL_BYTES) return bytes.toString('utf8', 0, got);
      if (fstatSync(fd).size > MAX_PACKAGE_BYTES) throw new SyntaxError(`is larger than ${MAX_PACKAGE_BYTES} bytes`);
      return readFileSync(path, 'utf8');
    } finally {
      closeSync(fd);
    }
  }
}

/** Names in a folder; none when it is not there, which costs less to ask than to be told by an exception. */
function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  try {
    return readdirSync(folder).slice(0, MAX_ENTRIES);
  } catch {
    return [];
  }
}

/** Everything in a folder, sorted. */
export function entriesOf(folder: string): string[] {
  return namesIn(folder)
    .sort()
    .map((name) => join(folder, name));
}

/** Folders of packages that are looked at without being named: for each node_modules those in it, in no order. */
export function installedIn(home: string): string[][] {
  return installedFolders(home).map((root) => {
    const out: string[] = [];
    for (const name of namesIn(root))
      if (name.startsWith(INSTALLED)) out.push(`${root}/${name}`);
      else if (name.startsWith('@'))
        for (const scoped of namesIn(`${root}/${name}`)) if (scoped.startsWith(INSTALLED)) out.push(`${root}/${name}/${scoped}`);
    return out;
  });
}

/** None of the paths that a plugin needs is there: the reason why it stays off. */
export function hostProblem(host: { readonly anyOf?: readonly string[] } | undefined): string | null {
  const paths = host?.anyOf ?? [];
  if (paths.length === 0 || paths.some((path) => existsSync(path))) return null;
  return `this host has none of ${paths.join(', ')}`;
}
