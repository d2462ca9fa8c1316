/** The configuration that counts, and where each part of it came from. */
import type { DumpOptions, RestoreOptions } from '../options.js';
import { type ConfigPlaces, type OwnConfig, choiceOf, criuLayers, environmentLayer, ownConfig, usualPlaces } from './collect.js';
import { type SettingsLayer, type Settled, applyLayers } from './layers.js';
import { type Occurrence, findLong } from './occurrence.js';
import type { PluginRequest } from './plugin-request.js';
import type { DisabledPlugin, PlacedFolder, Ranking } from './plugin-settings.js';
import type { Provenance } from './provenance.js';
import { without } from './without.js';
import { type Command, emptySettings, libraryOptions } from './settings.js';

/** Options of `dump` and `restore`, apart from the pid of a dump. */
export type ConfiguredOptions = Omit<DumpOptions & RestoreOptions, 'pid'>;

export interface EffectiveConfig {
  /** The `criu.config.*` that was read. */
  readonly file: string | undefined;
  readonly profile: string | undefined;
  /** Files that were left alone, each with the reason and the command that would make us use it. */
  readonly refused: readonly string[];
  /** For `dump` and `restore`, plugins included: `dump({ ...options, pid })`. */
  readonly options: ConfiguredOptions;
  /** Where each option that somebody set came from, by its name in the library. */
  readonly from: ReadonlyMap<string, Provenance>;
  /** What is asked for, the nearest to the user first. */
  readonly plugins: readonly PluginRequest[];
  readonly disabled: readonly DisabledPlugin[];
  readonly folders: readonly PlacedFolder[];
  readonly ranking: Ranking | undefined;
}

/** The fields that an option sets, seen by giving it alone. */
function fieldsOf({ row, text, on, from }: Occurrence): string[] {
  const alone = emptySettings();
  if (row.built) row.apply(alone, text, on, from);
  return [...Object.keys(alone.engine), ...Object.keys(without(alone, 'engine', 'plugins'))];
}

export interface Traced extends Settled {
  /** Who had the last word about each field. */
  readonly from: ReadonlyMap<string, Provenance>;
}

/** The same as `applyLayers`, with sources. @throws CrError CR_USAGE, CR_NOT_BUILT */
export function traceLayers(layers: readonly SettingsLayer[], command: Command): Traced {
  const from = new Map<string, Provenance>();
  const settled = applyLayers(layers, command, (occurrence) => {
    for (const field of fieldsOf(occurrence)) from.set(field, occurrence.from);
  });
  return { ...settled, from };
}

export function toEffective({ settings, from }: Traced, own: OwnConfig, profile: string | undefined): EffectiveConfig {
  const { requests, disabled, folders, ranking } = settings.plugins;
  const options = without(libraryOptions(settings), 'pid');
  return { file: own.file, profile, refused: own.refused, options, from, plugins: requests, disabled, folders, ranking };
}

export interface LoadConfigOptions {
  /** A file instead of the one that is looked for: ours by its extension, or else in the format of CRIU (--config). */
  readonly file?: string;
  /** --profile. */
  readonly profile?: string;
  /** Folder of the images, where a configuration is looked for too. Default: the working folder. */
  readonly imagesDir?: string;
  /** False: nothing is looked for (--no-default-config). */
  readonly search?: boolean;
  /** Default: those of the command. */
  readonly places?: ConfigPlaces;
}

function asTyped(long: string, text: string): Occurrence {
  return { ...findLong(long, long), text, typed: `loadConfig() ${long}`, from: { kind: 'call', function: 'loadConfig' } };
}

/**
 * Reads the configuration as the command does: CRIU's files, `criu.config.*` and the environment. `dump` and `restore` do not look for files by themselves.
 * @throws CrError CR_USAGE, CR_NO_PERMISSION, CR_NOT_BUILT
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<EffectiveConfig> {
  const { file, profile, imagesDir, search = true, places = usualPlaces() } = options;
  const typed = [
    ...(file === undefined ? [] : [asTyped('config', file)]),
    ...(profile === undefined ? [] : [asTyped('profile', profile)]),
    ...(search ? [] : [asTyped('no-default-config', '')]),
    ...(imagesDir === undefined ? [] : [asTyped('images-dir', imagesDir)]),
  ];
  const choice = choiceOf(typed);
  const criu = criuLayers(choice, places);
  const known = [...criu.defaults, ...criu.named].flatMap(({ occurrences }) => occurrences);
  const own = await ownConfig(choice, places, [...known, ...typed]);
  const layers = [...criu.defaults, ...own.layers, ...criu.named, environmentLayer(places), { occurrences: typed }];
  return toEffective(traceLayers(layers, 'config'), own, profile);
}
