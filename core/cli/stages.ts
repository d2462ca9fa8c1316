/** `criu-ts stages`: the stages in order, the state of the tree in each, and who is attached where. */
import { createHooks } from '../attach.js';
import type { Hooks } from '../hooks.js';
import { writeAll } from '../log.js';
import type { TaskResource } from '../resources/resource.js';
import { STAGES, type Operation, type StageInfo, type StageName } from '../stages.js';
import type { CommandRunner } from './main.js';

const TITLES: Record<Operation, string> = { dump: 'dump', preDump: 'pre-dump (not built yet)', restore: 'restore' };
const LEFT = 42;
const WIDTH = 140;

type Takes = (resource: TaskResource) => unknown;

/** The stages in which resources are called, and what of them. */
const RESOURCE_STAGES: { readonly [O in Operation]?: Partial<Record<StageName<O>, Takes>> } = {
  dump: {
    preflight: (r) => r.preflight,
    pauseDevices: (r) => r.prepare,
    readOutside: (r) => r.readFrozen ?? r.readOutside,
    readInside: (r) => r.readInside ?? r.readThread,
  },
  restore: {
    plan: (r) => r.plan,
    fork: (r) => r.process?.early,
    tasks: (r) => r.thread ?? Object.keys(r.process ?? {}).find((step) => step !== 'early'),
    release: (r) => r.release,
  },
};

/** The stages in which kinds of files are asked, by claim hook. */
const CLAIM_STAGES: { readonly [O in Operation]?: Partial<Record<StageName<O>, 'claimFile' | 'claimEntry'>> } = {
  dump: { preflight: 'claimFile', files: 'claimFile' },
  restore: { read: 'claimEntry' },
};

function listed(title: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const indent = ' '.repeat(LEFT);
  const lines = [`${indent}${title}:`];
  for (const [i, name] of names.entries()) {
    const word = ` ${name}${i === names.length - 1 ? '' : ','}`;
    if ((lines.at(-1) ?? '').length + word.length > WIDTH) lines.push(`${indent} `);
    lines.push(`${lines.pop() ?? ''}${word}`);
  }
  return lines;
}

function attachedLines(operation: Operation, name: string, hooks: Hooks): string[] {
  const takes = (RESOURCE_STAGES[operation] as Partial<Record<string, Takes>> | undefined)?.[name];
  const claim = (CLAIM_STAGES[operation] as Partial<Record<string, 'claimFile' | 'claimEntry'>> | undefined)?.[name];
  const resources = takes === undefined ? [] : hooks.resources.filter((resource) => takes(resource) !== undefined);
  const kinds = claim === undefined ? [] : hooks.claims[claim].taps;
  return [
    ...listed(
      'resources',
      resources.map((resource) => resource.name),
    ),
    ...listed(
      claim ?? '',
      kinds.map((tap) => tap.name),
    ),
    ...Object.entries(hooks.attached(operation, name)).flatMap(([point, names]) => listed(point, names)),
  ];
}

function stageLines(operation: Operation, name: string, info: StageInfo, hooks: Hooks): string[] {
  const deadline = info.deadline === 'timeout' ? '--timeout' : '-';
  return [
    `  ${name.padEnd(20)} ${info.target.padEnd(8)} ${deadline.padEnd(10)} ${info.doc}`,
    `${' '.repeat(LEFT)}undo: ${info.undo}`,
    ...attachedLines(operation, name, hooks),
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
  writeAll(1, stagesText(createHooks()));
  return Promise.resolve(0);
};
