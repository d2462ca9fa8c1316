/** Keys of `criu.config.*`: one for each option of the table that makes sense in a file, in camel case. */
import type { OptionRow } from './option-row.js';
import { OPTION_ROWS } from './options-table.js';

export function toKey(long: string): string {
  return long.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

export const OPTION_KEYS: ReadonlyMap<string, OptionRow> = new Map(
  OPTION_ROWS.filter((row) => row.inConfig).map((row) => [toKey(row.long), row]),
);

/** Keys that are no options. */
export const LIST_KEYS = ['plugins', 'ranking', 'pluginDirs', 'disable'] as const;

/** What a key takes, for messages. */
export function expectedText({ arg, takes, many }: OptionRow): string {
  if (arg === 'none') return 'true or false';
  const one = { text: 'a text', number: 'a whole number', size: 'a number of bytes or a text such as "1M"', any: 'a text or a number' };
  const single = typeof takes === 'string' ? one[takes] : takes.map((choice) => JSON.stringify(choice)).join(' or ');
  return many ? `${single}, or a list of such` : single;
}
