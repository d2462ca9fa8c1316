/** `criu-ts stages`: the stages in order, the state of the tree in each, and who is attached where. */
import { Hooks } from '../hooks.js';
import { writeAll } from '../log.js';
import { STAGES, type Operation, type StageInfo } from '../stages.js';
import type { CommandRunner } from './main.js';

const TITLES: Record<Operation, string> = { dump: 'dump', preDump: 'pre-dump', restore: 'restore' };

function stageLines(operation: Operation, name: string, info: StageInfo, hooks: Hooks): string[] {
  const attached = hooks.attached(operation, name);
  const taps = Object.entries(attached).flatMap(([point, names]) => (names.length === 0 ? [] : [`    ${point}: ${names.join(', ')}`]));
  const deadline = info.deadline === 'freeze' ? '--timeout' : '-';
  return [
    `  ${name.padEnd(20)} ${info.target.padEnd(8)} ${deadline.padEnd(10)} ${info.doc}`,
    `${' '.repeat(42)}undo: ${info.undo}`,
    ...taps,
  ];
}

/** The whole table as text. */
export function stagesText(hooks: Hooks): string {
  const lines: string[] = [];
  for (const [operation, stages] of Object.entries(STAGES) as [Operation, Record<string, StageInfo>][]) {
    lines.push(`${TITLES[operation]}:`, `  ${'stage'.padEnd(20)} ${'tree'.padEnd(8)} ${'deadline'.padEnd(10)}`);
    for (const [name, info] of Object.entries(stages)) lines.push(...stageLines(operation, name, info, hooks));
    lines.push('');
  }
  return lines.join('\n');
}

export const runStages: CommandRunner = () => {
  writeAll(1, stagesText(new Hooks()));
  return Promise.resolve(0);
};
