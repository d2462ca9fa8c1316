/**
 * What CRIU's images have no field for (timer slack, processors, I/O priority ...; and which images were written that others of the set do not tell of):
 * a file of our own beside them. Its name does not end in `.img`, so that CRIU and crit never see it; it is only written when there is something in it,
 * and only believed when it names the same dump as inventory.img.
 */
import { readFileSync, statSync, unlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { CrError } from '../errors.js';
import { writeAt } from '../images/image-files.js';
import { IMAGES, type KindName } from '../images/magic.js';
import type { ImageReader } from '../images/reader.js';
import type { ImageWriter } from '../images/writer.js';

export const EXTRA_FILE = 'criu-ts-extra.json';
const VERSION = 1;
/** 5,000 threads with everything set are about 1 MiB. */
const MAX_BYTES = 64 << 20;
/** Written only when there is something in them, and nothing else in a set refers to what they hold: a reader takes a lost one for "none". */
const UNTOLD: readonly KindName[] = ['fifo-data', 'pipes-data', 'filelocks', 'remap-fpath'];

/** Values by thread and by the name of the resource they belong to. Texts: what they mean is checked by that resource. */
export class ExtraState {
  readonly #threads = new Map<number, Map<string, string>>();
  /** Files that must be in the set. */
  #files: readonly string[] = [];

  get isEmpty(): boolean {
    return this.#threads.size === 0 && this.#files.length === 0;
  }
  get files(): readonly string[] {
    return this.#files;
  }
  set files(names: readonly string[]) {
    this.#files = [...names].sort();
  }
  /** `tid` as the images have it; what belongs to a process is under its leader. */
  set(tid: number, resource: string, value: string): void {
    const values = this.#threads.get(tid) ?? new Map<string, string>();
    this.#threads.set(tid, values.set(resource, value));
  }
  get(tid: number, resource: string): string | undefined {
    return this.#threads.get(tid)?.get(resource);
  }

  toJson(dumpId: string): string {
    const threads = Object.fromEntries([...this.#threads].map(([tid, values]) => [tid, Object.fromEntries([...values].sort())]));
    return `${JSON.stringify({ version: VERSION, dump: dumpId, files: this.#files, threads }, null, 1)}\n`;
  }

  /** Null when the text belongs to another dump (another tool has written into the same folder since). Throws SyntaxError. */
  static parse(text: string, dumpId: string): ExtraState | null {
    const root = asObject(JSON.parse(text), 'the file');
    if (root['dump'] !== dumpId) return null;
    if (root['version'] !== VERSION) throw new SyntaxError(`version ${String(root['version'])} is not known`);
    const state = new ExtraState();
    for (const [tid, values] of Object.entries(asObject(root['threads'], 'threads'))) {
      if (!/^[1-9][0-9]{0,6}$/.test(tid)) throw new SyntaxError(`"${tid.slice(0, 20)}" is no thread id`);
      for (const [resource, value] of Object.entries(asObject(values, `thread ${tid}`))) {
        if (typeof value !== 'string') throw new SyntaxError(`${resource.slice(0, 40)} of thread ${tid} is no text`);
        state.set(Number(tid), resource, value);
      }
    }
    // Since 0.1.0; files of earlier versions have none.
    state.files = fileNames(root['files'] ?? []);
    return state;
  }
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError(`${what} is no object`);
  return value as Record<string, unknown>;
}

/** Only those that this version knows: a name from a file is not used as a path. */
function fileNames(value: unknown): string[] {
  if (!Array.isArray(value)) throw new SyntaxError('files is no list');
  return UNTOLD.map((kind) => IMAGES[kind].file).filter((name) => value.includes(name));
}

/** When all other images have been written, and before the inventory. Throws CR_IMAGE_WRITE. */
export function writeExtra(images: ImageWriter, extra: ExtraState, dumpId: string): void {
  extra.files = UNTOLD.filter((kind) => images.has(kind)).map((kind) => IMAGES[kind].file);
  if (extra.isEmpty) {
    removeStale(join(images.dir, EXTRA_FILE));
    return;
  }
  const bytes = Buffer.from(extra.toJson(dumpId));
  writeAt(images.rawFile(EXTRA_FILE), join(images.dir, EXTRA_FILE), bytes, 0);
}

function removeStale(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // None is there; and one that stays names another dump, so that nobody believes it.
  }
}

/** Empty when there is no such file, or when it belongs to another dump. Throws CR_IMAGE_BAD; CR_IMAGE_MISSING when it tells of an image that is gone. */
export function readExtra(images: ImageReader): ExtraState {
  const path = images.pathOf(EXTRA_FILE);
  const stat = statSync(path, { throwIfNoEntry: false });
  const dumpId = images.readOne('inventory').dump_criu_run_id;
  if (!stat || dumpId === undefined) return new ExtraState();
  const extra = parseFile(path, stat, dumpId);
  for (const kind of UNTOLD)
    if (extra.files.includes(IMAGES[kind].file) && !images.exists(kind)) throw lost(images.pathOf(IMAGES[kind].file));
  return extra;
}

function parseFile(path: string, stat: Stats, dumpId: string): ExtraState {
  try {
    if (!stat.isFile() || stat.size > MAX_BYTES) throw new SyntaxError(`is no file of at most ${MAX_BYTES} bytes`);
    return ExtraState.parse(readFileSync(path, 'utf8'), dumpId) ?? new ExtraState();
  } catch (error) {
    const message = `is damaged: ${error instanceof Error ? error.message : String(error)}`;
    throw new CrError('CR_IMAGE_BAD', {
      message,
      subject: { path },
      cause: error,
      target: 'not started',
      hint: 'Dump again, or remove the file: then what it holds stays as criu-ts has it.',
    });
  }
}

function lost(path: string): CrError {
  return new CrError('CR_IMAGE_MISSING', {
    message: `is missing: the dump wrote it, as ${EXTRA_FILE} tells`,
    subject: { path },
    kernel: { call: `lstat("${path}")`, errno: 'ENOENT' },
    target: 'not started',
  });
}
