/** From words and configuration files to a command with settings. */
import {
  type ConfigPlaces,
  type CriuLayers,
  NO_OWN_CONFIG,
  type OwnConfig,
  choiceOf,
  criuLayers,
  environmentLayer,
  ownConfig,
} from '../config/collect.js';
import { type SettingsLayer, applyLayers } from '../config/layers.js';
import type { Note, Occurrence } from '../config/occurrence.js';
import { usageError } from '../config/option-row.js';
import { COMMANDS, type Command, type Settings, configuredCommands, emptySettings } from '../config/settings.js';
import { CrError } from '../errors.js';
import { nearest } from '../nearest.js';
import { splitWords } from './getopt.js';

export interface CommandLine {
  readonly command: Command;
  readonly settings: Settings;
  /** Words after the command, `--` left out. */
  readonly words: readonly string[];
  /** Things that the log should mention: options without effect. */
  readonly notes: readonly Note[];
  /** What each place says, the nearest to the user last. */
  readonly layers: readonly SettingsLayer[];
  readonly own: OwnConfig;
}

export type ParsedLine = CommandLine | 'help' | 'version';

/** How many words each command takes, least and most. */
const WORD_COUNTS: Partial<Record<Command, readonly [number, number, string]>> = {
  show: [1, 4096, 'show needs the name of an image or a folder'],
  plugin: [1, 64, 'plugin needs one of list, check, doctor, hooks'],
  encode: [1, 2, 'encode needs a JSON file (- for standard input), and the image to write'],
};

function toCommand(word: string | undefined): Command {
  if (word === undefined) throw usageError('no command was given', 'Commands: dump, restore, check, show, encode, stages, config, plugin.');
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

/** The words of a command line, before any file was looked at. */
interface Typed {
  readonly command: Command;
  readonly occurrences: readonly Occurrence[];
  readonly words: readonly string[];
}

function readWords(argv: readonly string[]): Typed | 'help' | 'version' {
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
  return { command, occurrences, words: [...others, ...rest] };
}

/** Where the log goes and how much of it. */
const LOG_OPTIONS: readonly string[] = ['images-dir', 'work-dir', 'log-file', 'verbosity'];

/** What the words say about the log, whatever else is wrong with them. Files are not looked at. */
export function typedLogSettings(argv: readonly string[]): Settings {
  const settings = emptySettings();
  for (const { row, text, on, from } of splitWords(argv).occurrences)
    if (LOG_OPTIONS.includes(row.long)) row.apply(settings, text, on, from);
  return settings;
}

function settle({ command, occurrences, words }: Typed, places: ConfigPlaces, criu: CriuLayers, own: OwnConfig): CommandLine {
  const layers = [...criu.defaults, ...own.layers, ...criu.named, environmentLayer(places), { occurrences }];
  const { settings, notes } = applyLayers(layers, command);
  checkWords(command, words);
  checkTogether(settings);
  const refused = own.refused.map((text) => ({ text, warn: true }));
  return { command, settings, words, notes: [...refused, ...notes], layers, own };
}

/** Reads a command line (without program name) and files in the format of CRIU. @throws CrError CR_USAGE or CR_NOT_BUILT */
export function parseCommandLine(argv: readonly string[], places: ConfigPlaces): ParsedLine {
  const typed = readWords(argv);
  if (typeof typed === 'string') return typed;
  return settle(typed, places, criuLayers(choiceOf(typed.occurrences), places), NO_OWN_CONFIG);
}

/** The same, and `criu.config.*` for commands that read it. @throws CrError also CR_NO_PERMISSION for one that others can change */
export async function readCommandLine(argv: readonly string[], places: ConfigPlaces): Promise<ParsedLine> {
  const typed = readWords(argv);
  if (typeof typed === 'string') return typed;
  const choice = choiceOf(typed.occurrences);
  const criu = criuLayers(choice, places);
  if (!configuredCommands().includes(typed.command)) return settle(typed, places, criu, NO_OWN_CONFIG);
  const known = [...criu.defaults, ...criu.named, typed].flatMap(({ occurrences }) => occurrences);
  return settle(typed, places, criu, await ownConfig(choice, places, known));
}
