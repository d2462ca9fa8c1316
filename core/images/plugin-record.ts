/**
 * plugins.json: what the inventory has no field for. Its name does not end in `.img`, so that crit never sees it. It is believed only when it names the same
 * dump as inventory.img.
 */
import { readFileSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CrError } from '../errors.js';
import type { PluginRecord } from '../plugins/contexts.js';
import type { ImageReader } from './reader.js';
import type { ImageWriter } from './writer.js';

export const RECORD_FILE = 'plugins.json';
const VERSION = 1;
const MAX_BYTES = 64 << 20;
const MAX_PLUGINS = 1000;

type Data = Readonly<Record<string, unknown>>;

/** Before the inventory is written. @throws CrError CR_IMAGE_WRITE */
export function writeRecord(images: ImageWriter, dumpId: string, records: readonly PluginRecord[]): void {
  if (records.length === 0) {
    removeStale(join(images.dir, RECORD_FILE));
    return;
  }
  const bytes = Buffer.from(`${JSON.stringify({ version: VERSION, dump: dumpId, plugins: records }, null, 1)}\n`);
  const fd = images.rawFile(RECORD_FILE);
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, done);
}

/** One of an earlier dump. */
export function removeStale(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // None is there; and one that stays names another dump, so that nobody believes it.
  }
}

function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string' || value.length > 4096) throw new SyntaxError(`${what} is no text`);
  return value;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new SyntaxError(`${what} is no list`);
  return value;
}

function readObject(value: unknown, what: string): PluginRecord['objects'][number] {
  if (!isObject(value)) throw new SyntaxError(`${what} is no object`);
  const number = (key: string): Record<string, number> => {
    const n = value[key];
    if (n === undefined) return {};
    if (!Number.isSafeInteger(n) || (n as number) < 0) throw new SyntaxError(`${key} of ${what} is no whole number`);
    return { [key]: n as number };
  };
  const { pid } = number('pid');
  if (pid === undefined) throw new SyntaxError(`${what} has no pid`);
  return {
    pid,
    ...number('fd'),
    ...number('address'),
    ...number('id'),
    ...number('flags'),
    what: text(value['what'], `what of ${what}`),
    hook: text(value['hook'], `hook of ${what}`),
  };
}

function readPluginRecord(value: unknown, index: number): PluginRecord {
  const what = `plugins[${index}]`;
  if (!isObject(value)) throw new SyntaxError(`${what} is no object`);
  const image = value['image'];
  if (!isObject(image)) throw new SyntaxError(`image of ${what} is no object`);
  const facts = value['facts'];
  return {
    name: text(value['name'], `name of ${what}`),
    version: text(value['version'], `version of ${what}`),
    api: text(value['api'], `api of ${what}`),
    image: { writes: text(image['writes'], `image.writes of ${what}`), reads: text(image['reads'], `image.reads of ${what}`) },
    hooks: list(value['hooks'], `hooks of ${what}`).map((hook) => text(hook, `a hook of ${what}`)),
    objects: list(value['objects'], `objects of ${what}`).map((object, i) => readObject(object, `${what}.objects[${i}]`)),
    options: text(value['options'], `options of ${what}`),
    facts: isObject(facts) ? facts : {},
  };
}

/** Records of this very dump; null when there are none (sets of CRIU, or no plugin was used). @throws CrError CR_IMAGE_BAD */
export function readRecord(images: ImageReader): PluginRecord[] | null {
  const path = images.pathOf(RECORD_FILE);
  const stat = statSync(path, { throwIfNoEntry: false });
  const dumpId = images.readOne('inventory').dump_criu_run_id;
  if (!stat || dumpId === undefined) return null;
  try {
    if (!stat.isFile() || stat.size > MAX_BYTES) throw new SyntaxError(`is no file of at most ${MAX_BYTES} bytes`);
    const root: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!isObject(root)) throw new SyntaxError('the file is no object');
    if (root['dump'] !== dumpId) return null;
    if (root['version'] !== VERSION) throw new SyntaxError(`version ${String(root['version']).slice(0, 20)} is not known`);
    return list(root['plugins'], 'plugins').slice(0, MAX_PLUGINS).map(readPluginRecord);
  } catch (error) {
    throw new CrError('CR_IMAGE_BAD', {
      message: `is damaged: ${error instanceof Error ? error.message : String(error)}`,
      subject: { path },
      cause: error,
      target: 'not started',
      hint: 'Dump again; without it nobody knows which plugin saved what.',
    });
  }
}
