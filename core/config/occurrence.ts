/** One option with a value, wherever it was given, and what it does to the settings. */
import { CrError } from '../errors.js';
import { closest } from '../nearest.js';
import { BadValue } from './bad-value.js';
import { type OptionRow, usageError } from './option-row.js';
import { OPTION_ROWS } from './options-table.js';
import type { Provenance } from './provenance.js';
import type { Command, Settings } from './settings.js';

/** One option as it was given. */
export interface Occurrence {
  readonly row: OptionRow;
  readonly text: string;
  /** False for `--no-NAME`. */
  readonly on: boolean;
  /** As typed, for messages: "--tree", "-t" or "file:3: tree". */
  readonly typed: string;
  readonly from: Provenance;
}

interface Named {
  readonly name: string;
  readonly row: OptionRow;
  readonly on: boolean;
}

const NAMES: readonly Named[] = OPTION_ROWS.flatMap((row) => [
  { name: row.long, row, on: true },
  ...(row.negatable ? [{ name: `no-${row.long}`, row, on: false }] : []),
]);
export const BY_NAME: ReadonlyMap<string, Named> = new Map(NAMES.map((named) => [named.name, named]));
/** Finds a long option by its name or a unique prefix of it. @throws CrError CR_USAGE naming the nearest option, or all that fit */
export function findLong(name: string, typed: string): Named {
  const exact = BY_NAME.get(name);
  if (exact !== undefined) return exact;
  const fits = NAMES.filter((named) => name !== '' && named.name.startsWith(name));
  // Ours must not make a prefix ambiguous that CRIU's users may type.
  const theirs = fits.filter((named) => named.row.criu);
  const candidates = theirs.length > 0 ? theirs : fits;
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1) return only;
  if (candidates.length > 1) {
    throw usageError(`option ${typed} is ambiguous`, `It can be ${candidates.map((named) => `--${named.name}`).join(', ')}.`);
  }
  throw usageError(`unknown option ${typed}`, `The nearest option is --${closest(name, BY_NAME.keys())}; criu-ts --help lists all.`);
}

/** True when the option does something for this command. */
export function concerns(row: OptionRow, command: Command): boolean {
  return row.scope === 'all' || row.scope.includes(command);
}

/** What the log says about an option that does nothing. */
export interface Note {
  readonly text: string;
  /** A warning: somebody typed it and may expect something of it. Configuration files hold options for other commands. */
  readonly warn: boolean;
}

const isTyped = (typed: string): boolean => typed.startsWith('-');

/**
 * Puts one option into the settings.
 * @returns a note for the log when the option has no effect on this command
 * @throws CrError CR_USAGE for a bad value, CR_NOT_BUILT for an option that only CRIU has
 */
export function applyOccurrence(settings: Settings, occurrence: Occurrence, command: Command): Note | undefined {
  const { row, text, on, typed, from } = occurrence;
  if (!row.built) return refuseUnbuilt(occurrence, command);
  try {
    row.apply(settings, text, on, from);
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    throw usageError(`${typed}: ${error.message}`, `See --${row.long} in criu-ts --help.`);
  }
  return concerns(row, command) ? undefined : { text: `${typed} has no effect on ${command}`, warn: isTyped(typed) };
}

function refuseUnbuilt({ row, text, on, typed }: Occurrence, command: Command): Note | undefined {
  if (row.long === 'ms') throw usageError('--ms was removed from CRIU; plain check does not test mount features any more', 'Leave it out.');
  if (on && row.valid?.test(text) === false) throw usageError(`${typed}: "${text}" is no value that CRIU accepts`, 'See criu(8).');
  if (!on || row.harmless(text)) return { text: `${typed} asks for nothing`, warn: false };
  if (!concerns(row, command)) return { text: `${typed} has no effect on ${command}`, warn: isTyped(typed) };
  throw new CrError('CR_NOT_BUILT', { message: `option ${typed} (--${row.long} of CRIU) is not built yet`, target: 'not started' });
}
