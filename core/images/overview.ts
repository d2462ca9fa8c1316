/** A folder of images at a glance: what wrote it, and the process tree in it. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CrError } from '../errors.js';
import type { CoreEntry } from './generated/core.js';
import type { PstreeEntry } from './generated/task.js';
import { safeText } from './listing.js';
import { TASK_STATES } from './display.js';
import { RAW_FILES } from './magic.js';
import { ImageReader } from './reader.js';
import { readRecord } from './plugin-record.js';

export interface FolderFile {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  /** No magic number and no records. */
  readonly raw: boolean;
}

/** Files that are or may be images, by name; numbers in names count as numbers. Throws CR_IMAGE_DIR. */
export function folderFiles(dir: string): FolderFile[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    throw new CrError('CR_IMAGE_DIR', { message: 'cannot be read', subject: { path: dir }, cause: error });
  }
  const order = new Intl.Collator('en', { numeric: true });
  return names
    .filter((name) => name.endsWith('.img') || /^(stats-(dump|restore)|irmap-cache)$/.test(name))
    .sort(order.compare)
    .map((name) => {
      const path = join(dir, name);
      return { name, path, size: lstatSync(path, { throwIfNoEntry: false })?.size ?? 0, raw: RAW_FILES.test(name) };
    });
}

/** What a reader says, or why it cannot. */
function attempt(work: () => string[]): string[] {
  try {
    return work();
  } catch (error) {
    if (error instanceof CrError) return [`  ${error.code}  ${safeText(error.message)}`];
    throw error;
  }
}

/** Lines about a folder: format, plugins, process tree. Unreadable parts say so. */
export function overviewLines(dir: string): string[] {
  const reader = new ImageReader(dir);
  const set = attempt(() => {
    if (!reader.exists('inventory')) return ['  no inventory.img: not a complete set'];
    const { img_version, plugins_entry, dump_criu_run_id } = reader.readOne('inventory');
    const plugins = plugins_entry?.plugins.map(safeText).join(' ');
    return [
      `  format: ${img_version}`,
      ...(dump_criu_run_id === undefined ? [] : [`  run: ${safeText(dump_criu_run_id)}`]),
      ...(plugins === undefined ? [] : [`  plugins: ${plugins === '' ? 'none' : plugins}`]),
      ...(reader.exists('pstree') ? treeLines(reader) : []),
    ];
  });
  const used = attempt(() => (reader.exists('inventory') ? pluginLines(reader) : []));
  const parent =
    lstatSync(join(dir, 'parent'), { throwIfNoEntry: false }) === undefined ? [] : ['  builds upon the earlier dump at parent'];
  return [safeText(dir), ...set, ...used, ...parent];
}

/** Objects of a plugin that are told one by one; the others are counted. */
const OBJECTS = 20;

/** plugins.json in words. */
function pluginLines(reader: ImageReader): string[] {
  return (readRecord(reader) ?? []).flatMap(({ name, version, image, objects, facts }) => {
    const shown = objects.slice(0, OBJECTS).map(({ pid, fd, address, what, hook }) => {
      const where = `${fd === undefined ? '' : ` fd ${fd}`}${address === undefined ? '' : ` at 0x${address.toString(16)}`}`;
      return `    pid ${pid}${where}: ${safeText(what)} (${safeText(hook)})`;
    });
    const rest = objects.length > OBJECTS ? [`    ... and ${objects.length - OBJECTS} more`] : [];
    const said = Object.entries(facts).map(([key, value]) => `    ${safeText(key)}: ${safeText(JSON.stringify(value)).slice(0, 500)}`);
    return [`  plugin ${safeText(name)} ${safeText(version)}, its data ${safeText(image.writes)}:`, ...shown, ...rest, ...said];
  });
}

function treeLines(reader: ImageReader): string[] {
  const lines = [`  ${['PID', 'PPID', 'PGID', 'SID', 'THREADS', 'STATE'].map((title) => title.padStart(8)).join('')}  COMMAND`];
  const depth = new Map<number, number>();
  for (const task of reader.readAll('pstree')) {
    const level = depth.has(task.ppid) ? (depth.get(task.ppid) as number) + 1 : 0;
    depth.set(task.pid, level);
    lines.push(taskLine(reader, task, level));
  }
  return lines;
}

function taskLine(reader: ImageReader, task: PstreeEntry, level: number): string {
  // Helpers that CRIU makes for dead session leaders have no core image.
  const core: CoreEntry | undefined = reader.exists('core', task.pid) ? reader.readOne('core', task.pid) : undefined;
  const state = core?.tc === undefined ? '?' : (TASK_STATES[core.tc.task_state] ?? String(core.tc.task_state));
  const columns = [task.pid, task.ppid, task.pgid, task.sid, task.threads.length, state].map((value) => String(value).padStart(8));
  return `  ${columns.join('')}  ${'  '.repeat(Math.min(level, 40))}${safeText(core?.tc?.comm ?? '?')}`;
}
