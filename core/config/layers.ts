/** What each place says, from the defaults of the system to the command line, and what all of them amount to. */
import { BadValue } from './bad-value.js';
import { type Note, type Occurrence, applyOccurrence } from './occurrence.js';
import { usageError } from './option-row.js';
import type { PluginRequest } from './plugin-request.js';
import { type DisabledPlugin, type PlacedFolder, type PluginSwitches, type Ranking, disable, enable } from './plugin-settings.js';
import { type Provenance, provenanceText } from './provenance.js';
import { type Command, type Settings, emptySettings } from './settings.js';

/** What one `criu.config.*`, or one profile of it, says about plugins. */
export interface PluginLayer {
  readonly requests: readonly PluginRequest[];
  readonly disabled: readonly DisabledPlugin[];
  readonly folders: readonly PlacedFolder[];
  readonly ranking?: Ranking;
}

/** What one place says. */
export interface SettingsLayer {
  readonly occurrences: readonly Occurrence[];
  readonly plugins?: PluginLayer;
}

export interface Settled {
  readonly settings: Settings;
  readonly notes: readonly Note[];
}

function readingOf(from: Provenance, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    throw usageError(`${provenanceText(from)}: ${error.message}`);
  }
}

function applyPlugins(switches: PluginSwitches, layer: PluginLayer): void {
  for (const request of layer.requests) readingOf(request.from, () => enable(switches, request));
  for (const { name, from } of layer.disabled) readingOf(from, () => disable(switches, name, from));
  switches.folders.push(...layer.folders);
  switches.ranking ??= layer.ranking;
}

/** A later place wins; a switch that has no opposite on the command line is taken back where a file says false. */
function withoutTakenBack(occurrences: readonly Occurrence[]): Occurrence[] {
  const takesBack = ({ on, row }: Occurrence): boolean => !on && !row.negatable;
  return occurrences.filter(
    (occurrence, index) =>
      !takesBack(occurrence) && !occurrences.some((later, place) => place > index && later.row === occurrence.row && takesBack(later)),
  );
}

/**
 * Puts everything into settings.
 * @param layers the nearest to the user last
 * @param applied is called after each option, so that it can be told which one had the last word
 * @throws CrError CR_USAGE, CR_NOT_BUILT
 */
export function applyLayers(layers: readonly SettingsLayer[], command: Command, applied?: (occurrence: Occurrence) => void): Settled {
  const settings = emptySettings();
  const notes: Note[] = [];
  const apply = (occurrence: Occurrence): void => {
    const note = applyOccurrence(settings, occurrence, command);
    if (note !== undefined) notes.push(note);
    applied?.(occurrence);
  };
  withoutTakenBack(layers.flatMap(({ occurrences }) => occurrences.filter(({ row }) => !row.nearestFirst))).forEach(apply);
  for (const { occurrences, plugins } of layers.toReversed()) {
    occurrences.filter(({ row }) => row.nearestFirst).forEach(apply);
    if (plugins !== undefined) applyPlugins(settings.plugins, plugins);
  }
  return { settings, notes };
}

/** What a file says when one of its profiles is chosen: the options that the profile has are the profile's alone. */
export function withProfile(base: SettingsLayer, profile: SettingsLayer): SettingsLayer[] {
  const said = new Set(profile.occurrences.map(({ row }) => row));
  return [{ ...base, occurrences: base.occurrences.filter(({ row }) => !said.has(row)) }, profile];
}
