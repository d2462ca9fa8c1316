/**
 * Which plugins a restore loads, and whether it may begin: decided from inventory.img before anything exists, also when no folder of plugins does, by exact
 * name. criu.md 1.6 tells what the fields mean.
 */
import semver from 'semver';
import { CrError } from '../errors.js';
import type { InventoryEntry } from '../images/generated/inventory.js';
import type { PluginRecord } from './contexts.js';
import type { Manifest } from './definition.js';

/** `all`: an image of CRIU 4.0 or older, which does not say. `exactly`: these and no others; none when the list is empty. */
export type Demand = { readonly kind: 'all' } | { readonly kind: 'exactly'; readonly names: readonly string[] };

const MAX_NAMES = 1000;

/** @throws CrError CR_IMAGE_BAD for more names than anybody could have */
export function demandOf(inventory: InventoryEntry, path: string): Demand {
  const { plugins_entry } = inventory;
  if (plugins_entry === undefined) return { kind: 'all' };
  const names = [...new Set(plugins_entry.plugins)];
  if (names.length > MAX_NAMES)
    throw new CrError('CR_IMAGE_BAD', { message: `names ${names.length} plugins`, subject: { path }, target: 'not started' });
  return { kind: 'exactly', names };
}

/** What is the case with one name of the inventory. */
export interface Verdict {
  readonly name: string;
  readonly state: 'satisfied' | 'missing' | 'wrong version' | 'unavailable' | 'waived';
  /** Why, and what to do. */
  readonly text: string;
}

/** Why data of that version cannot be read by the plugin here, or null. */
export function imageProblem(record: PluginRecord | undefined, manifest: Manifest): string | null {
  if (!record) return null;
  const { writes } = record.image;
  if (semver.valid(writes) !== null && semver.satisfies(writes, manifest.image.reads)) return null;
  return `${manifest.name} ${manifest.version} reads images ${manifest.image.reads}; this one was written by ${record.version} as ${writes}`;
}

/** One line for each name, all at once. */
export function verdictLines(verdicts: readonly Verdict[]): string[] {
  return verdicts.map(({ name, state, text }) => `  ${name}: ${state}${text === '' ? '' : ` (${text})`}`);
}

/** @throws CrError CR_PLUGIN_MISSING that tells every name, when one is neither satisfied nor waived */
export function enforce(verdicts: readonly Verdict[]): void {
  const bad = verdicts.filter(({ state }) => state !== 'satisfied' && state !== 'waived');
  if (bad.length === 0) return;
  const names = bad.map(({ name }) => name);
  throw new CrError('CR_PLUGIN_MISSING', {
    message: `the checkpoint needs ${verdicts.length} plugin${verdicts.length === 1 ? '' : 's'}:\n${verdictLines(verdicts).join('\n')}`,
    hint: `Make ${names.join(', ')} available, or restore without by --allow-missing-plugin NAME.`,
    target: 'not started',
  });
}
