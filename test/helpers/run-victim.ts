/**
 * Takes victims and real programs (test/programs) through checkpoints and prints a line for each way.
 *   node dist/test/helpers/run-victim.js <name|all|programs> [...more] [--modes ours,criu-to-ours] [--peers 4.2.1] [--repeat N] [--jobs N] [--keep] [--quiet]
 * Exit status 0 when nothing failed. --keep leaves each run's folder (images, logs); --quiet prints only the first line of a failure.
 */
import { parseArgs } from 'node:util';
import { MODES, caseName, casesOf, runCase, type Case, type Mode, type Outcome } from './modes.js';
import { programs } from '../programs/programs.js';
import { scenarioOf, type Scenario } from './scenario.js';
import { victims } from './victims.js';

interface Settings {
  readonly cases: readonly Case[];
  readonly repeat: number;
  readonly jobs: number;
  readonly keep: boolean;
  readonly quiet: boolean;
}

function chosen(names: readonly string[]): Scenario[] {
  const all = victims().map(scenarioOf);
  const known = [...all, ...programs()];
  if (names.length === 0) throw new Error(`name a victim, or all, or programs: ${known.map(({ name }) => name).join(' ')}`);
  return names.flatMap((word) => {
    if (word === 'all') return all;
    if (word === 'programs') return programs();
    const found = known.find(({ name }) => name === word.replace(/^.*\//, '').replace(/\.c$/, ''));
    if (found === undefined) throw new Error(`no victim ${word}; there are ${known.map(({ name }) => name).join(' ')}`);
    return [found];
  });
}

function positive(text: string, what: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${what} wants a number from 1, not ${text}`);
  return value;
}

function settings(): Settings {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      modes: { type: 'string', default: MODES.join(',') },
      peers: { type: 'string' },
      repeat: { type: 'string', default: '1' },
      jobs: { type: 'string', default: '1' },
      keep: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
    },
  });
  const modes = values.modes.split(',');
  const unknown = modes.find((mode) => !(MODES as readonly string[]).includes(mode));
  if (unknown !== undefined) throw new Error(`no mode ${unknown}; there are ${MODES.join(' ')}`);
  return {
    cases: casesOf(chosen(positionals), modes as Mode[], values.peers?.split(',')),
    repeat: positive(values.repeat, 'repeat'),
    jobs: positive(values.jobs, 'jobs'),
    keep: values.keep,
    quiet: values.quiet,
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function timesText(outcomes: readonly Outcome[]): string {
  const dumps = outcomes.flatMap((outcome) => outcome.dumpMs ?? []);
  const restores = outcomes.flatMap((outcome) => outcome.restoreMs ?? []);
  const part = (what: string, values: readonly number[]): string =>
    values.length === 0 ? '' : `  ${what} ${median(values).toFixed(0)} ms`;
  return part('dump', dumps) + part('restore', restores);
}

function indented(text: string): string {
  return text.replace(/^/gm, '     ');
}

function print(item: Case, outcomes: readonly Outcome[], quiet: boolean): void {
  const worst = ['fail', 'gap', 'skip', 'pass'].find((kind) => outcomes.some((outcome) => outcome.kind === kind)) ?? 'fail';
  const same = outcomes.filter((outcome) => outcome.kind === worst);
  const count = outcomes.length > 1 ? `  ${same.length}/${outcomes.length}` : '';
  const reason = same[0]?.reason ?? '';
  const firstLine = worst === 'pass' ? '' : `  ${reason.split('\n', 1)[0]}`;
  console.log(`${worst.padEnd(4)} ${caseName(item).padEnd(40)}${count}${timesText(outcomes)}${firstLine}`);
  if (worst === 'fail' && !quiet) console.log(indented(reason.split('\n').slice(1).join('\n')));
  for (const { folder } of outcomes) if (folder !== undefined) console.log(indented(`kept: ${folder}`));
}

async function main(): Promise<void> {
  const { cases, repeat, jobs, keep, quiet } = settings();
  const totals = new Map<string, number>();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = cases[next++]; item !== undefined; item = cases[next++]) {
      const outcomes: Outcome[] = [];
      for (let i = 0; i < repeat; i++) outcomes.push(await runCase(item, keep));
      for (const { kind } of outcomes) totals.set(kind, (totals.get(kind) ?? 0) + 1);
      print(item, outcomes, quiet);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  console.log([...totals].map(([kind, count]) => `${count} ${kind}`).join(', '));
  process.exitCode = totals.has('fail') ? 1 : 0;
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
});
