/**
 * GNU getopt_long(3) as CRIU uses it: options and words in any order, bundled short options, `-v4`, `--opt=value`, `--opt value`, unique
 * prefixes, `--no-opt`, `--` ends the options. It only splits; meaning is applied later, because config files come first.
 */
import { OPTION_ROWS } from './options-table.js';
import { BadValue } from '../config/bad-value.js';
import type { Provenance } from '../config/provenance.js';
import { type OptionRow, usageError } from './option-row.js';
import { CrError } from '../errors.js';
import { closest } from '../nearest.js';
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

export interface SplitWords {
  readonly occurrences: readonly Occurrence[];
  /** Words that are no options, in order. */
  readonly words: readonly string[];
  /** Words after `--`. */
  readonly rest: readonly string[];
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
const BY_NAME = new Map(NAMES.map((named) => [named.name, named]));
const BY_SHORT = new Map(OPTION_ROWS.flatMap((row) => (row.short === undefined ? [] : [[row.short, row] as const])));

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

/** Reads the words of a command line as a queue. */
class Words {
  readonly #all: readonly string[];
  #next = 0;
  constructor(all: readonly string[]) {
    this.#all = all;
  }
  take(): string | undefined {
    return this.#all[this.#next++];
  }
  takeAll(): string[] {
    return this.#all.slice(this.#next);
  }
}

function takeValue(row: OptionRow, typed: string, queue: Words): string {
  const text = queue.take();
  if (text === undefined) throw usageError(`option ${typed} needs a value`, `See --${row.long} in criu-ts --help.`);
  return text;
}

function splitLong(word: string, queue: Words): Occurrence {
  const equals = word.indexOf('=');
  const typed = equals < 0 ? word : word.slice(0, equals);
  const { row, on, name } = findLong(typed.slice(2), typed);
  if (equals >= 0 && (row.arg === 'none' || !on)) throw usageError(`option --${name} takes no value`, `Leave out "${word.slice(equals)}".`);
  const from: Provenance = { kind: 'command line', option: typed };
  if (equals >= 0) return { row, on, typed, from, text: word.slice(equals + 1) };
  return { row, on, typed, from, text: row.arg === 'required' && on ? takeValue(row, typed, queue) : '' };
}

/** No letter is near another, except its other case. */
function nearestLetter(letter: string): string {
  const other = letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase();
  const row = BY_SHORT.get(other);
  return row === undefined ? 'criu-ts --help lists all options.' : `The nearest option is -${other} (--${row.long}).`;
}

/** `-Rv4`, `-Ddir`, `-D dir`: letters until one takes the rest as its value. */
function splitShort(word: string, queue: Words): Occurrence[] {
  const found: Occurrence[] = [];
  for (let i = 1; i < word.length; i++) {
    const letter = word[i] ?? '';
    const row = BY_SHORT.get(letter);
    const typed = `-${letter}`;
    const from: Provenance = { kind: 'command line', option: typed };
    if (row === undefined) {
      const many = word.length > 2;
      throw usageError(
        `unknown option ${typed}${many ? ` in "${word}"` : ''}`,
        many ? `Did you mean --${closest(word.slice(1), BY_NAME.keys())}?` : nearestLetter(letter),
      );
    }
    const attached = word.slice(i + 1);
    if (row.arg === 'none') {
      found.push({ row, on: true, typed, from, text: '' });
      continue;
    }
    found.push({ row, on: true, typed, from, text: attached === '' && row.arg === 'required' ? takeValue(row, typed, queue) : attached });
    break;
  }
  return found;
}

/** Splits the words after the program name. @throws CrError CR_USAGE */
export function splitWords(argv: readonly string[]): SplitWords {
  const queue = new Words(argv);
  const occurrences: Occurrence[] = [];
  const words: string[] = [];
  for (let word = queue.take(); word !== undefined; word = queue.take()) {
    if (word === '--') return { occurrences, words, rest: queue.takeAll() };
    if (word.startsWith('--')) occurrences.push(splitLong(word, queue));
    else if (word.startsWith('-') && word !== '-') occurrences.push(...splitShort(word, queue));
    else words.push(word);
  }
  return { occurrences, words, rest: [] };
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
