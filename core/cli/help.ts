/** The text of --help, made from the tables of commands and options. At most 80 columns: CRIU's own rule, and what terminals have. */
import type { OptionRow } from '../config/option-row.js';
import { OPTION_GROUPS } from '../config/options-table.js';
import { COMMANDS } from '../config/settings.js';

const WIDTH = 80;
const LEFT = 34;

function optionNames(row: OptionRow): string {
  const short = row.short === undefined ? '    ' : `-${row.short}, `;
  const argument = { none: '', required: ' ARG', optional: '[=ARG]' }[row.arg];
  return `  ${short}--${row.negatable ? '[no-]' : ''}${row.long}${argument}`;
}

/** Words separated by blanks, broken before column 80. */
function wrap(words: readonly string[], indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of words) {
    if (line.length + word.length + 1 > WIDTH && line.trim() !== '') {
      lines.push(line);
      line = indent;
    }
    line += line === indent ? word : ` ${word}`;
  }
  return line.trim() === '' ? lines : [...lines, line];
}

function twoColumns(left: string, right: string): string[] {
  const body = wrap(right.split(' '), ' '.repeat(LEFT));
  if (left.length >= LEFT) return [left, ...body];
  return [`${left.padEnd(LEFT)}${(body[0] ?? '').trimStart()}`, ...body.slice(1)];
}

export function helpText(): string {
  const commands = Object.entries(COMMANDS);
  const lines = ['Usage: criu-ts COMMAND [OPTIONS]', '', 'Commands:'];
  for (const [name, { built, help }] of commands) if (built) lines.push(...twoColumns(`  ${name}`, help));
  for (const [title, rows] of OPTION_GROUPS) {
    const built = rows.filter((row) => row.built);
    if (built.length === 0) continue;
    lines.push('', `${title}:`, ...built.flatMap((row) => twoColumns(optionNames(row), row.help)));
  }
  const missingCommands = commands.filter(([, { built }]) => !built).map(([name]) => name);
  const missingOptions = OPTION_GROUPS.flatMap(([, rows]) => rows.filter((row) => !row.built).map((row) => `--${row.long}`));
  lines.push('', 'CRIU has these too; they are not built here yet and end with 1:', ...wrap([...missingCommands, ...missingOptions], '  '));
  return `${lines.join('\n')}\n`;
}
