/** Where the compiled native part of a plugin is, and what it was built for. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ELF_MACHINES, OWN_NAME } from '../arch/elf.js';

const MAX_ADDON_BYTES = 1 << 30;

/** Prebuilt files lie in folders of this name, because one compiled for glibc does not load under musl. */
export function platformName(libc: string): string {
  return `${process.platform}-${OWN_NAME}-${libc}`;
}

/** The package that a file or folder belongs to; the folder itself when there is none. */
export function packageFolder(start: string): string {
  for (let dir = start, i = 0; i < 8; i++, dir = dirname(dir)) if (existsSync(join(dir, 'package.json'))) return dir;
  return start;
}

function addonsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.node'))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/**
 * The file that a manifest's `native.path` means: itself, or the one addon in prebuilt/<platform>-<arch>-<libc> or build/Release below it.
 * @throws Error that says where it was looked for
 */
export function findNativeFile(folder: string, path: string, libc: string): string {
  const base = join(packageFolder(folder), path);
  if (base.endsWith('.node') && existsSync(base)) return base;
  const places = [join(base, 'prebuilt', platformName(libc)), join(base, 'build/Release')];
  for (const place of places) {
    const found = addonsIn(place);
    if (found.length > 1) throw new Error(`${place} holds ${found.length} addons; one is needed`);
    if (found[0] !== undefined) return found[0];
  }
  const others = existsSync(join(base, 'prebuilt')) ? readdirSync(join(base, 'prebuilt')).slice(0, 10).join(', ') : '';
  const have = others === '' ? '' : `; prebuilt are ${others}`;
  throw new Error(
    `there is no addon in ${places.join(' or ')}${have}: build it (npm run build:native) or install one for ${platformName(libc)}`,
  );
}

/** C library of this process: `glibc` with its version, or `musl`. */
export function ownLibrary(): { readonly name: string; readonly version: string } {
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  // Looking up the names of network peers can take long.
  report.excludeNetwork = true;
  const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const { glibcVersionRuntime: version } = header;
  return version === undefined ? { name: 'musl', version: '' } : { name: 'glibc', version };
}

function newestGlibc(text: string): string | null {
  const versions = [...text.matchAll(/GLIBC_(\d{1,3})\.(\d{1,3})/g)].map(([, major, minor]) => [Number(major), Number(minor)] as const);
  versions.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return versions.at(-1)?.join('.') ?? null;
}

function isOlder(have: string, need: string): boolean {
  const [a = 0, b = 0] = have.split('.').map(Number);
  const [c = 0, d = 0] = need.split('.').map(Number);
  return a < c || (a === c && b < d);
}

/** Why the file cannot be loaded by this process, from what is in it; null when nothing speaks against it. */
export function addonProblem(file: string, library = ownLibrary()): string | null {
  const { size } = statSync(file);
  if (size > MAX_ADDON_BYTES) return `${file} is larger than ${MAX_ADDON_BYTES} bytes`;
  const bytes = readFileSync(file);
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46)
    return `${file} is no ELF file; an addon for ${process.platform} is needed`;
  const machine = bytes.readUInt16LE(18);
  if (machine !== ELF_MACHINES[OWN_NAME]) {
    const name = Object.entries(ELF_MACHINES).find(([, value]) => value === machine)?.[0] ?? `machine ${machine}`;
    return `${file} is for ${name}; this process is ${OWN_NAME}`;
  }
  // Names in the dynamic string table: what is needed of which library.
  const text = bytes.toString('latin1');
  const needs = /libc\.musl-\w+\.so\.1/.test(text) ? 'musl' : text.includes('libc.so.6') ? 'glibc' : library.name;
  if (needs !== library.name) return `${file} was built for ${needs}; this process runs on ${library.name} ${library.version}`.trimEnd();
  const newest = needs === 'glibc' ? newestGlibc(text) : null;
  if (newest !== null && isOlder(library.version, newest)) return `${file} needs glibc ${newest}; this process runs on ${library.version}`;
  return null;
}
