/** Gathers what every place says, apart from the words of the command line. */
import { join } from 'node:path';
import { usageError } from './option-row.js';
import { readConfig } from './criu-file.js';
import type { SettingsLayer } from './layers.js';
import { type Occurrence, findLong } from './occurrence.js';
import { type FoundConfig, findConfig, ownExtension, userFolder } from './search.js';

/** Files and environment; a parameter, so that tests need no files in /etc. */
export interface ConfigPlaces {
  /** CRIU's `/etc/criu/default.conf`. */
  readonly system: string;
  /** $HOME. */
  readonly home: string | undefined;
  /** $CRIU_CONFIG_FILE. */
  readonly fromEnvironment: string | undefined;
  /** $CRIU_LIBS_DIR: a folder of plugins. */
  readonly libsDir: string | undefined;
  /** Where `criu.config.*` may be; absent: it is not looked for. */
  readonly own?: { readonly system: string; readonly user: string | undefined; readonly working: string };
}

export function usualPlaces(env: Readonly<Record<string, string | undefined>> = process.env): ConfigPlaces {
  return {
    system: '/etc/criu/default.conf',
    home: env['HOME'],
    fromEnvironment: env['CRIU_CONFIG_FILE'],
    libsDir: env['CRIU_LIBS_DIR'],
    own: { system: '/etc/criu', user: userFolder(env), working: process.cwd() },
  };
}

/** What chooses among the files. */
export interface Choice {
  /** --config, as often as it was given. */
  readonly named: readonly string[];
  /** --no-default-config. */
  readonly withoutDefaults: boolean;
  /** --profile. */
  readonly profile: string | undefined;
}

/** Files in CRIU's format: those that are looked for, and those that somebody named, which count for more than `criu.config.*`. */
export interface CriuLayers {
  readonly defaults: readonly SettingsLayer[];
  readonly named: readonly SettingsLayer[];
}

const isSaid = (file: string | undefined): file is string => file !== undefined && file !== '';

/** @throws CrError CR_USAGE */
export function criuLayers({ named, withoutDefaults }: Choice, places: ConfigPlaces): CriuLayers {
  const ofCriu = named.filter((file) => ownExtension(file) === undefined);
  const files: string[] = [];
  // CRIU does not read its default files beside one that was named.
  if (ofCriu.length === 0 && !withoutDefaults) files.push(places.system);
  if (ofCriu.length === 0 && !withoutDefaults && isSaid(places.home)) files.push(join(places.home, '.criu', 'default.conf'));
  const asked = [places.fromEnvironment, ofCriu.at(-1)].filter(isSaid).filter((file) => ownExtension(file) === undefined);
  return {
    defaults: files.map((file) => ({ occurrences: readConfig(file, false) })),
    named: asked.map((file) => ({ occurrences: readConfig(file) })),
  };
}

/** $CRIU_LIBS_DIR, as CRIU knows it. */
export function environmentLayer({ libsDir }: ConfigPlaces): SettingsLayer {
  if (!isSaid(libsDir)) return { occurrences: [] };
  const variable = 'CRIU_LIBS_DIR';
  return { occurrences: [{ ...findLong('libdir', variable), typed: variable, text: libsDir, from: { kind: 'environment', variable } }] };
}

function lastText(occurrences: readonly Occurrence[], long: string): string | undefined {
  return occurrences.findLast(({ row }) => row.long === long)?.text;
}

export function choiceOf(occurrences: readonly Occurrence[]): Choice {
  return {
    named: occurrences.filter(({ row }) => row.long === 'config').map(({ text }) => text),
    withoutDefaults: occurrences.some(({ row }) => row.long === 'no-default-config'),
    profile: lastText(occurrences, 'profile'),
  };
}

/** `criu.config.*` and what it says. */
export interface OwnConfig extends FoundConfig {
  readonly layers: readonly SettingsLayer[];
}

export const NO_OWN_CONFIG: OwnConfig = { file: undefined, refused: [], layers: [] };

function findOwn({ named, withoutDefaults }: Choice, places: ConfigPlaces, images: string): FoundConfig {
  const isOwn = (file: string): boolean => ownExtension(file) !== undefined;
  const file = named.findLast(isOwn) ?? [places.fromEnvironment].filter(isSaid).find(isOwn);
  if (file !== undefined || withoutDefaults || places.own === undefined) return { file, refused: [] };
  return findConfig({ images, ...places.own });
}

/**
 * Finds and reads `criu.config.*`. Without one, and without a profile, nothing is loaded.
 * @param known everything else that is said; where the images are is part of it
 * @throws CrError CR_USAGE, CR_NO_PERMISSION
 */
export async function ownConfig(choice: Choice, places: ConfigPlaces, known: readonly Occurrence[]): Promise<OwnConfig> {
  const found = findOwn(choice, places, lastText(known, 'images-dir') ?? '.');
  if (found.file === undefined) {
    if (choice.profile === undefined) return { ...found, layers: [] };
    throw usageError(
      '--profile needs a configuration file, and none was found',
      `Write one, or name it with --config. ${found.refused.join(' ')}`.trim(),
    );
  }
  const { loadLayers } = await import('./load.js');
  return { ...found, layers: await loadLayers(found.file, choice.profile) };
}
