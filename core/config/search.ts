/**
 * Where `criu.config.*` is looked for. Nothing is opened as long as nothing is found: the search is on the way of every start.
 */
import { lstatSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { CrError } from '../errors.js';
import { usageError } from './option-row.js';
import { checkTrusted } from './trust.js';

const BASE = 'criu.config';
const EXTENSIONS = ['.ts', '.js', '.mjs', '.cjs', '.json', '.yaml'] as const;
/** Not ours, but so near that nobody means a file in CRIU's format. */
const MISTAKEN: Readonly<Record<string, string>> = { '.yml': '.yaml', '.mts': '.ts', '.cts': '.ts', '.json5': '.json', '.jsonc': '.json' };

export type ConfigExtension = (typeof EXTENSIONS)[number];

/**
 * Which kind of file this is: ours by its extension, or undefined for the line format of CRIU, whose files may have any other name.
 * @throws CrError CR_USAGE for a name that is nearly one of ours
 */
export function ownExtension(file: string): ConfigExtension | undefined {
  const extension = extname(file);
  const right = MISTAKEN[extension];
  if (right !== undefined)
    throw usageError(
      `${file}: a configuration file cannot end in ${extension}`,
      `Name it ${BASE}${right}, or .conf for the format of CRIU.`,
    );
  return EXTENSIONS.find((known) => known === extension);
}

/** Where to look; a parameter, so that tests need no files in /etc. */
export interface SearchPlaces {
  /** Folder of the images. */
  readonly images: string;
  /** `/etc/criu`. */
  readonly system: string;
  /** `$XDG_CONFIG_HOME/criu`, or `$HOME/.config/criu`; undefined without both. */
  readonly user: string | undefined;
  readonly working: string;
}

export interface FoundConfig {
  readonly file: string | undefined;
  /** Files that were left alone, each with the reason and the command that would make us use it. */
  readonly refused: readonly string[];
}

export function userFolder(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { XDG_CONFIG_HOME: xdg, HOME: home } = env;
  // XDG Base Directory Specification: relative paths are to be ignored.
  if (xdg?.startsWith('/') === true) return join(xdg, 'criu');
  return home?.startsWith('/') === true ? join(home, '.config', 'criu') : undefined;
}

function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // A folder that is closed to us, or no folder: nothing of ours is in it.
    return false;
  }
}

function namesIn(folder: string): string[] {
  return EXTENSIONS.map((extension) => join(folder, `${BASE}${extension}`)).filter(exists);
}

/** @throws CrError CR_USAGE when a folder has several */
function theOnly([file, other]: readonly string[]): string | undefined {
  if (file !== undefined && other !== undefined) throw usageError(`${file} and ${other} stand in one folder`, 'Keep one of them.');
  return file;
}

function foldersUp(folder: string): string[] {
  const up = dirname(folder);
  return up === folder ? [folder] : [folder, ...foldersUp(up)];
}

/** Why this file of a folder that anybody may have made is left alone; undefined when it can be used. */
function refusal(file: string): string | undefined {
  try {
    checkTrusted(file, 'configuration');
    return undefined;
  } catch (error) {
    if (!(error instanceof CrError)) throw error;
    return `${error.message}. ${error.hint}`;
  }
}

/**
 * The first of: the folder of the images, the system's, the user's, the working folder and those above it. In the first and in the working folders files
 * that others can change are left alone; above such a file nothing is looked for. In the system's and the user's folder they end the run when they are read.
 * @throws CrError CR_USAGE for two files in one folder
 */
export function findConfig(places: SearchPlaces): FoundConfig {
  const refused: string[] = [];
  const images = resolve(places.images);
  const inImages = namesIn(images);
  const left = inImages[0] === undefined ? undefined : refusal(inImages[0]);
  if (left !== undefined) refused.push(left);
  else if (inImages.length > 0) return { file: theOnly(inImages), refused };
  for (const folder of [places.system, places.user]) {
    // Most machines have neither folder: one call instead of six.
    const file = folder === undefined || !exists(folder) ? undefined : theOnly(namesIn(folder));
    if (file !== undefined) return { file, refused };
  }
  for (const folder of foldersUp(resolve(places.working))) {
    // The folder of the images has been looked into.
    if (folder === images && left !== undefined) break;
    const names = folder === images ? [] : namesIn(folder);
    if (names[0] === undefined) continue;
    const reason = refusal(names[0]);
    if (reason === undefined) return { file: theOnly(names), refused };
    refused.push(reason);
    break;
  }
  return { file: undefined, refused };
}
