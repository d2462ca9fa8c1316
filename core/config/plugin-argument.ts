/**
 * The value of --enable-plugin, `NAME|PATH[@RANGE][:key=value,...]`:
 *
 *   cuda   cuda@^1.2   @acme/criu-plugin-nic:port=3   ./my-plugin.ts   /opt/p@2/plugin.mjs@>=1.0:mode=fast,note=a\,b
 *
 * A path starts with `/`, `./` or `../`. In it `@` starts a range only in the last component and not as its first character (scopes and version
 * folders have one too), and `:` starts the options; a backslash takes the special meaning of `@`, `:`, `,` or `\` away.
 */
import { createRequire } from 'node:module';
import { BadValue } from './bad-value.js';

export interface PluginArgument {
  readonly reference: string;
  readonly range?: string;
  readonly options?: Readonly<Record<string, string>>;
}

/** PATH_MAX of include/uapi/linux/limits.h; and as much again for options. */
const MAX_ARGUMENT = 8192;
/** Node's package registry takes no longer name. */
const MAX_NAME = 214;
/** semver(1) itself reads at most that many characters of a version. */
const MAX_RANGE = 256;
const MAX_OPTIONS = 64;

const NAME = /^(?:@[A-Za-z0-9][\w.-]*\/)?[A-Za-z0-9][\w.-]*/;
const KEY = /^[A-Za-z][\w.-]*/;
const SOURCE_FILE = /\.[cm]?[jt]s$/;

export function isPath(reference: string): boolean {
  return /^\.{0,2}\//.test(reference);
}

/** semver is read only when somebody gives a range. */
function isRange(text: string): boolean {
  const validRange = createRequire(import.meta.url)('semver/ranges/valid') as (range: string) => string | null;
  return text.trim() !== '' && text.length <= MAX_RANGE && validRange(text) !== null;
}

function wrong(text: string, at: number, expected: string): BadValue {
  const found = at < text.length ? `"${text.slice(at, at + 20)}"` : 'the end';
  return new BadValue(`"${text.slice(0, 200)}" at character ${at + 1}: expected ${expected}, found ${found}`);
}

/** Index of the first of `marks` from `start` on that has no backslash before it; the end of the text without one. */
function findMark(text: string, start: number, marks: string): number {
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (marks.includes(text[at] ?? '')) return at;
  }
  return text.length;
}

/** Takes the backslashes away. Only the special characters may have one: a mistyped path is not changed without a word. */
function unescape(text: string, start: number, end: number): string {
  let plain = '';
  for (let at = start; at < end; at++) {
    if (text[at] === '\\' && !'@:,\\'.includes(text[++at] ?? ' ')) throw wrong(text, at, 'one of @ : , \\ after a backslash');
    plain += text[at];
  }
  return plain;
}

function endOfPath(text: string): number {
  const end = findMark(text, 0, ':');
  let component = 0;
  let mark = end;
  for (let at = findMark(text, 0, '/@'); at < end; at = findMark(text, at + 1, '/@')) {
    if (text[at] === '/') [component, mark] = [at + 1, end];
    else if (at > component && mark === end) mark = at;
  }
  return mark;
}

function endOfName(text: string): number {
  const name = NAME.exec(text)?.[0] ?? '';
  if (name === '') throw wrong(text, 0, 'a name (letters, digits, . _ -) or a path that starts with / or ./');
  if (name.length > MAX_NAME) throw new BadValue(`"${name.slice(0, 40)}..." is longer than a name can be (${MAX_NAME})`);
  if (SOURCE_FILE.test(name)) throw wrong(text, 0, `a name, or ./${name} for the file`);
  return name.length;
}

function parseOptions(text: string, start: number): Record<string, string> {
  const options: Record<string, string> = {};
  let at = start;
  do {
    const key = KEY.exec(text.slice(at, at + MAX_NAME))?.[0];
    if (key === undefined) throw wrong(text, at, 'the key of an option (a letter, then letters, digits, . _ -)');
    const equals = at + key.length;
    if (text[equals] !== '=') throw wrong(text, equals, `= and the value of "${key}"`);
    if (Object.hasOwn(options, key)) throw wrong(text, at, `"${key}" only once`);
    if (Object.keys(options).length === MAX_OPTIONS) throw wrong(text, at, `at most ${MAX_OPTIONS} options`);
    const end = findMark(text, equals + 1, ',');
    options[key] = unescape(text, equals + 1, end);
    at = end + 1;
  } while (at <= text.length);
  return options;
}

/** @throws BadValue naming the position and what was expected */
export function parsePluginArgument(text: string): PluginArgument {
  if (text.length > MAX_ARGUMENT) throw new BadValue(`${text.length} characters are too many (${MAX_ARGUMENT})`);
  if (text.includes('\0')) throw wrong(text, text.indexOf('\0'), 'no NUL character');
  const path = isPath(text);
  let at = path ? endOfPath(text) : endOfName(text);
  const reference = path ? unescape(text, 0, at) : text.slice(0, at);
  let range: string | undefined;
  if (text[at] === '@') {
    const end = findMark(text, at + 1, ':');
    range = text.slice(at + 1, end);
    if (!isRange(range)) throw wrong(text, at + 1, 'a version range such as ^1.2 or >=1.0');
    at = end;
  }
  if (at < text.length && text[at] !== ':')
    throw wrong(text, at, path ? '@RANGE or :key=value' : '@RANGE, :key=value, or ./ before a path');
  const options = at < text.length ? parseOptions(text, at + 1) : undefined;
  return { reference, ...(range === undefined ? {} : { range }), ...(options === undefined ? {} : { options }) };
}

/** The same without options: `NAME|PATH[@RANGE]`. @throws BadValue */
export function parsePluginReference(text: string): PluginArgument {
  const argument = parsePluginArgument(text);
  if (argument.options !== undefined) throw wrong(text, findMark(text, 0, ':'), 'no options in the text; write [plugin, options]');
  return argument;
}

/** A plugin's name alone. @throws BadValue */
export function parsePluginName(text: string): string {
  if (isPath(text)) throw wrong(text, 0, 'the name of a plugin, not a path');
  const end = endOfName(text);
  if (end < text.length) throw wrong(text, end, 'the end of the name (letters, digits, . _ -)');
  return text;
}
