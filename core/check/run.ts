/** check(): what this kernel and this user can do, found out by doing it (core/check/table.ts). */
import { nearest } from '../nearest.js';
import { CrError } from '../errors.js';
import { type Log, silentLog } from '../log.js';
import type { CheckOptions, CheckReport, FeatureReport } from '../options.js';
import { Lab, lacks, reasonOf } from './lab.js';
import { BASICS, type Category, FEATURES, type Probe } from './table.js';

/** CRIU's feature names in its order. */
export function featureNames(): string[] {
  return Object.keys(FEATURES);
}

function probeOf(name: string): Probe {
  const table: Readonly<Record<string, Probe>> = FEATURES;
  const found = Object.hasOwn(table, name) ? table[name] : undefined;
  if (found !== undefined) return found;
  const near = nearest(name, featureNames());
  throw new CrError('CR_USAGE', {
    message: `Unknown feature ${name}`,
    hint:
      near === undefined
        ? '`criu-ts check --feature list` names all.'
        : `The nearest one is ${near}; \`criu-ts check --feature list\` names all.`,
    target: 'not started',
  });
}

/** What was asked for, in the order in which it is probed: what everything needs comes first. */
function selection(options: CheckOptions): [string, Probe][] {
  if (options.feature !== undefined) return [[options.feature, probeOf(options.feature)]];
  const wanted = new Set<Category>(['required']);
  if (options.extra === true) wanted.add('extra');
  if (options.experimental === true) wanted.add('experimental');
  const all: [string, Probe][] = [...Object.entries(BASICS), ...Object.entries(FEATURES)];
  const rank: Readonly<Record<Category, number>> = { required: 0, extra: 1, experimental: 2, named: 3 };
  return all.filter(([, { category }]) => wanted.has(category)).sort(([, a], [, b]) => rank[a.category] - rank[b.category]);
}

function runProbe(lab: Lab, name: string, { run, matters }: Probe, log: Log): FeatureReport {
  let finding;
  try {
    finding = run(lab);
  } catch (error) {
    // A probe that cannot even be prepared (no fork, no /proc) has the same meaning for its feature.
    finding = lacks(reasonOf(error));
  }
  const { supported, detail } = finding;
  log.info(`${name} is ${supported ? '' : 'not '}supported: ${detail}`);
  return { name, supported, detail, matters };
}

/**
 * Probes features. Every probe runs in a process of its own; nothing of the caller is changed.
 * @throws CrError CR_USAGE for a feature name that does not exist
 */
export function check(options: CheckOptions = {}): Promise<CheckReport> {
  return new Promise((resolve) => {
    const chosen = selection(options);
    const log = options.log ?? silentLog();
    const lab = new Lab();
    try {
      const features = chosen.map(([name, probe]) => runProbe(lab, name, probe, log));
      const missing = features.filter(({ supported }) => !supported).map(({ name }) => name);
      const required = new Set(chosen.filter(([, { category }]) => category === 'required').map(([name]) => name));
      resolve({ ok: missing.length === 0, features, fatal: missing.filter((name) => required.has(name)) });
    } finally {
      lab.close();
    }
  });
}
