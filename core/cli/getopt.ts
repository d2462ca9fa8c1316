/**
 * GNU getopt_long(3) as CRIU uses it: options and words in any order, bundled short options, `-v4`, `--opt=value`, `--opt value`, unique
 * prefixes, `--no-opt`, `--` ends the options. It only splits; meaning is applied later, because config files come first.
 */
import { OPTION_ROWS } from '../config/options-table.js';
import type { Provenance } from '../config/provenance.js';
import { type OptionRow, usageError } from '../config/option-row.js';
import { closest } from '../nearest.js';
import { BY_NAME, type Occurrence, findLong } from '../config/occurrence.js';

export interface SplitWords {
  readonly occurrences: readonly Occurrence[];
  /** Words that are no options, in order. */
  readonly words: readonly string[];
  /** Words after `--`. */
  readonly rest: readonly string[];
}

const BY_SHORT = new Map(OPTION_ROWS.flatMap((row) => (row.short === undefined ? [] : [[row.short, row] as const])));

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
