/**
 * Configuration files in CRIU's format (criu.md 4.4): one option per line without dashes, an optional single value, `#` starts a comment,
 * a value may stand in double quotes with `\"` for a quote.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { type Provenance, provenanceText } from './provenance.js';
import { CrError } from '../errors.js';
import { type Occurrence, findLong } from './occurrence.js';
import { usageError } from './option-row.js';

/** Nobody writes a bigger one by hand, and a mistake such as naming a device must end. */
const MAX_CONFIG_BYTES = 1 << 20;

/** Options that choose config files or end the command: they make no sense inside one. */
const NOT_IN_FILE = new Set(['config', 'no-default-config', 'profile', 'help', 'version']);

/** Splits one line into option and value. Returns undefined for an empty line. @throws Error with the reason */
export function splitLine(line: string): { name: string; value: string | undefined } | undefined {
  const words: string[] = [];
  // A quoted word, a bare word, or a comment to the end; between them only white space.
  const token = /\s*(?:"((?:[^"\\]|\\"|\\(?!"))*)"|(#.*)|([^\s"#]+))/y;
  while (token.lastIndex < line.length) {
    const at = token.lastIndex;
    const match = token.exec(line);
    if (match === null) {
      if (line.slice(at).trim() === '') break;
      throw new Error(line.slice(at).includes('"') ? 'a quoted value does not end, or text touches a quote' : 'text that is no option');
    }
    const [, quoted, comment, bare] = match;
    if (comment !== undefined) break;
    words.push(quoted === undefined ? (bare ?? '') : quoted.replaceAll('\\"', '"'));
  }
  const [name, value, extra] = words;
  if (name === undefined) return undefined;
  if (extra !== undefined) throw new Error('Unsupported configuration file format: more than one value (put it in double quotes)');
  const equals = name.indexOf('=');
  if (value === undefined && equals > 0) return { name: name.slice(0, equals), value: name.slice(equals + 1) };
  return { name, value };
}

/** Turns the text of a file into options. @throws CrError CR_USAGE with file and line */
export function parseConfig(text: string, file: string): Occurrence[] {
  const found: Occurrence[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const place = `${file}:${index + 1}`;
    let words: ReturnType<typeof splitLine>;
    try {
      words = splitLine(line);
    } catch (error) {
      throw usageError(`${place}: ${(error as Error).message}`, 'One option per line: NAME, or NAME VALUE, or NAME "VALUE".');
    }
    if (words !== undefined) found.push(toOccurrence(words.name, words.value, { kind: 'file', file, line: index + 1, key: words.name }));
  }
  return found;
}

function toOccurrence(name: string, value: string | undefined, from: Provenance): Occurrence {
  const typed = provenanceText(from);
  const { row, on } = findLong(name, typed);
  if (NOT_IN_FILE.has(row.long)) throw usageError(`${typed} cannot stand in a configuration file`, 'Give it on the command line.');
  if (value !== undefined && (row.arg === 'none' || !on)) throw usageError(`${typed} takes no value`, `Leave out "${value}".`);
  if (value === undefined && row.arg === 'required' && on) throw usageError(`${typed} needs a value`, 'Write NAME VALUE.');
  return { row, on, typed, from, text: value ?? '' };
}

/**
 * Reads a file. A missing one has no options, as in CRIU.
 * @param asked false for the files that are looked for by default: one that is closed to us (HOME of another user) is then none of ours
 * @throws CrError CR_USAGE when it cannot be read or is no config file
 */
export function readConfig(file: string, asked = true): Occurrence[] {
  let fd: number;
  try {
    // O_NONBLOCK: opening a fifo must not wait for a writer.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
    if (errno === 'ENOENT' || errno === 'ENOTDIR' || (errno === 'EACCES' && !asked)) return [];
    throw new CrError('CR_USAGE', {
      message: 'cannot read the configuration file',
      subject: { path: file },
      kernel: { call: `openat(AT_FDCWD, "${file}", O_RDONLY)`, errno },
      target: 'not started',
      cause: error,
    });
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_CONFIG_BYTES) {
      throw usageError(`${file} is not a configuration file (${stat.isFile() ? `${stat.size} bytes` : 'not a regular file'})`);
    }
    return parseConfig(readFileSync(fd, 'utf8'), file);
  } finally {
    closeSync(fd);
  }
}
