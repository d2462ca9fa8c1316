/** One row of the options table, and the readers of option values. */
import type { Command, Settings } from './settings.js';
import { BadValue } from './bad-value.js';
import type { Provenance } from './provenance.js';
import { CrError } from '../errors.js';

/** `any`: an option that only CRIU has, whose values we do not judge. */
export type ValueKind = 'text' | 'number' | 'size' | 'any' | readonly string[];

export type ArgumentKind = 'none' | 'required' | 'optional';

/** Commands an option means something to; the others accept it, as CRIU does, and say in the log that it has no effect. */
export type Scope = readonly Command[] | 'all';

export interface OptionRow {
  /** Name without dashes. */
  readonly long: string;
  readonly short?: string;
  readonly arg: ArgumentKind;
  /** `--no-NAME` exists too. */
  readonly negatable: boolean;
  readonly scope: Scope;
  /** False: CRIU has it, we refuse it by name. */
  readonly built: boolean;
  /** False: not in CRIU; found by unique prefix only when no CRIU option has that prefix. */
  readonly criu: boolean;
  /** Puts the value into the settings. `on` is false for `--no-NAME`. Throws a text (BadValue) for a bad value. */
  readonly apply: (settings: Settings, text: string, on: boolean, from: Provenance) => void;
  /** The place that is nearest to the user is asked first, not overruled last: searched folders, and plugins that are switched on and off. */
  readonly nearestFirst: boolean;
  /** What a value is in `criu.config.*`; the command line has texts only. */
  readonly takes: ValueKind;
  /** May be given several times, and each time counts. */
  readonly many: boolean;
  /** False: it makes no sense in a configuration file, or stands there in another form (lists of plugins). */
  readonly inConfig: boolean;
  /** True when this value asks for nothing that is not built (the default spelled out, for example). */
  readonly harmless: (text: string) => boolean;
  /** What CRIU accepts as a value of an option that is not built: a mistake is refused also where the option has no effect. */
  readonly valid?: RegExp;
  readonly help: string;
}

interface Extra {
  readonly short?: string;
  readonly negatable?: boolean;
  readonly scope?: Scope;
  readonly criu?: boolean;
  readonly nearestFirst?: boolean;
  readonly takes?: ValueKind;
  readonly many?: boolean;
  readonly inConfig?: boolean;
}

const NEVER = () => false;

function row(long: string, arg: ArgumentKind, help: string, extra: Extra, apply: OptionRow['apply']): OptionRow {
  const {
    short,
    negatable = false,
    scope = 'all',
    criu = true,
    nearestFirst = false,
    takes = 'text',
    many = false,
    inConfig = true,
  } = extra;
  const base = { long, ...(short === undefined ? {} : { short }), arg, negatable, scope, criu, nearestFirst, takes, many, inConfig };
  return { ...base, built: true, apply, harmless: NEVER, help };
}

/** A switch. */
export function flag(long: string, help: string, extra: Extra, set: (settings: Settings, on: boolean) => void): OptionRow {
  return row(long, 'none', help, extra, (settings, _text, on) => set(settings, on));
}

/** An option with a value. */
export function value(
  long: string,
  help: string,
  extra: Extra,
  set: (settings: Settings, text: string, from: Provenance) => void,
): OptionRow {
  return row(long, 'required', help, extra, (settings, text, _on, from) => set(settings, text, from));
}

/** An option whose value must be attached (`--opt=x`, `-ox`); the text is empty without one. */
export function optional(long: string, help: string, extra: Extra, set: (settings: Settings, text: string) => void): OptionRow {
  return row(long, 'optional', help, extra, set);
}

/** An option of CRIU that is refused. `harmless` lists values that ask for nothing, so that scripts spelling out a default still work. */
export function notBuilt(
  long: string,
  arg: ArgumentKind,
  scope: Scope,
  extra: Omit<Extra, 'scope'> & { harmless?: readonly string[]; valid?: RegExp } = {},
): OptionRow {
  const { harmless = [], valid, ...rest } = extra;
  const base = row(long, arg, '', { takes: 'any', many: true, ...rest, scope }, () => undefined);
  return { ...base, built: false, harmless: (text) => harmless.includes(text), ...(valid === undefined ? {} : { valid }) };
}

/** A decimal number in a range. */
export function toInteger(text: string, min: number, max: number, what: string): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (!(number >= min && number <= max)) throw new BadValue(`"${text}" is not ${what} (${min} to ${max})`);
  return number;
}

/** Bytes with an optional suffix K, M or G. Bounded to what fits exactly into a number. */
export function toSize(text: string): number {
  const match = /^(\d{1,12})([KMGkmg]?)$/.exec(text);
  const unit = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[match?.[2]?.toLowerCase() ?? ''] ?? 1;
  const size = match === null ? NaN : Number(match[1]) * unit;
  if (!Number.isSafeInteger(size)) throw new BadValue(`"${text}" is not a size such as 512K, 1M or 4096`);
  return size;
}

/** Level of --verbosity and -v with a value, CRIU's way: `-vvv` counts up from the default, digits are the level, anything else is 0. */
export function toVerbosity(text: string, current: number): number {
  if (text === '') return Math.min(4, current + 1);
  if (/^v+$/.test(text)) return Math.min(4, current + 1 + text.length);
  // zdtm's `-verbosity=0` arrives here as "erbosity=0" and must mean 0, as atoi(3) makes of it in CRIU.
  return Math.min(4, Number(/^\d{1,9}/.exec(text)?.[0] ?? 0));
}

export function toChoice<T extends string>(text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new BadValue(`"${text}" is not one of ${choices.join(', ')}`);
  return found;
}

/** A usage error of the command line. */
export function usageError(message: string, hint?: string): CrError {
  return new CrError('CR_USAGE', { message, target: 'not started', ...(hint === undefined ? {} : { hint }) });
}
