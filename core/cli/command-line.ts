/** From words and configuration files to a command with settings. */
import { join } from 'node:path';
import { CrError } from '../errors.js';
import { readConfig } from '../config/criu-file.js';
import { type Note, type Occurrence, applyOccurrence, findLong } from '../config/occurrence.js';
import { splitWords } from './getopt.js';
import { nearest } from '../nearest.js';
import { usageError } from '../config/option-row.js';
import { COMMANDS, type Command, type Settings, emptySettings } from '../config/settings.js';

/** What the environment says; a parameter, so that tests need no files in /etc. */
export interface ConfigPlaces {
  readonly system: string;
  /** $HOME. */
  readonly home: string | undefined;
  /** $CRIU_CONFIG_FILE. */
  readonly fromEnvironment: string | undefined;
  /** $CRIU_LIBS_DIR: a folder of plugins. */
  readonly libsDir: string | undefined;
}

export interface CommandLine {
  readonly command: Command;
  readonly settings: Settings;
  /** Words after the command, `--` left out. */
  readonly words: readonly string[];
  /** Things that the log should mention: options without effect. */
  readonly notes: readonly Note[];
}

export type ParsedLine = CommandLine | 'help' | 'version';

/** How many words each command takes, least and most. */
const WORD_COUNTS: Partial<Record<Command, readonly [number, number, string]>> = {
  show: [1, 4096, 'show needs the name of an image or a folder'],
  plugin: [1, 64, 'plugin needs one of list, check, doctor, hooks'],
  encode: [1, 2, 'encode needs a JSON file (- for standard input), and the image to write'],
};

function toCommand(word: string | undefined): Command {
  if (word === undefined) throw usageError('no command was given', 'Commands: dump, restore, check, show, encode, stages, plugin.');
  if (word === 'exec') {
    throw new CrError('CR_USAGE', { message: 'exec was removed from CRIU', hint: 'Use a debugger.', exitCode: 255, target: 'not started' });
  }
  if (!Object.hasOwn(COMMANDS, word)) {
    const near = nearest(word, Object.keys(COMMANDS));
    throw usageError(`unknown command "${word}"`, near === undefined ? 'criu-ts --help lists the commands.' : `Did you mean ${near}?`);
  }
  return word as Command;
}

function checkWords(command: Command, words: readonly string[]): void {
  const [least, most, message] = WORD_COUNTS[command] ?? [0, 0, ''];
  if (words.length < least) throw usageError(message);
  if (words.length > most) throw usageError(`excessive parameter "${words[most] ?? ''}" for ${command}`);
}

/** What CRIU refuses for every command, although only a restore would act on it. */
function checkTogether({ engine }: Settings): void {
  if (engine.sibling === true && engine.detached !== true)
    throw usageError('--restore-sibling needs --restore-detached', 'A sibling is waited for by our parent: add -d.');
}

/** Options of each file that counts, first to last; a later one wins. */
function fromConfigFiles(occurrences: readonly Occurrence[], places: ConfigPlaces): Occurrence[][] {
  const named = occurrences.filter(({ row }) => row.long === 'config').map(({ text }) => text);
  const withoutDefault = named.length > 0 || occurrences.some(({ row }) => row.long === 'no-default-config');
  const defaults = withoutDefault ? [] : [places.system];
  if (!withoutDefault && places.home !== undefined && places.home !== '') defaults.push(join(places.home, '.criu', 'default.conf'));
  const asked = [places.fromEnvironment, named.at(-1)].filter((file): file is string => file !== undefined && file !== '');
  return [...defaults.map((file) => readConfig(file, false)), ...asked.map((file) => readConfig(file))];
}

function fromEnvironment({ libsDir }: ConfigPlaces): Occurrence[] {
  if (libsDir === undefined || libsDir === '') return [];
  const variable = 'CRIU_LIBS_DIR';
  return [{ ...findLong('libdir', variable), typed: variable, text: libsDir, from: { kind: 'environment', variable } }];
}

/** Puts everything into the settings. @param layers what each place says, the nearest to the user last */
function applyLayers(layers: readonly (readonly Occurrence[])[], command: Command): Pick<CommandLine, 'settings' | 'notes'> {
  const settings = emptySettings();
  const later = layers.flat().filter(({ row }) => !row.nearestFirst);
  const nearest = layers
    .toReversed()
    .flat()
    .filter(({ row }) => row.nearestFirst);
  const notes = [...later, ...nearest].map((occurrence) => applyOccurrence(settings, occurrence, command));
  return { settings, notes: notes.filter((note) => note !== undefined) };
}

/** Reads a command line (without program name). @throws CrError CR_USAGE or CR_NOT_BUILT */
export function parseCommandLine(argv: readonly string[], places: ConfigPlaces): ParsedLine {
  // As in CRIU these two words win wherever they stand, also beside mistakes.
  if (argv.includes('--help') || argv.includes('-h')) return 'help';
  const { occurrences, words, rest } = splitWords(argv);
  const asks = (long: string): boolean => occurrences.some(({ row }) => row.long === long);
  if (asks('version')) return 'version';
  if (asks('help')) return 'help';
  const [first, ...others] = words;
  const command = toCommand(first);
  if (!COMMANDS[command].built)
    throw new CrError('CR_NOT_BUILT', { message: `the command ${command} is not built yet`, target: 'not started' });
  const { settings, notes } = applyLayers([...fromConfigFiles(occurrences, places), fromEnvironment(places), occurrences], command);
  checkWords(command, [...others, ...rest]);
  checkTogether(settings);
  return { command, settings, words: [...others, ...rest], notes };
}
