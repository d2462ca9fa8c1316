/** Writes one folder of images. inventory.img comes last and by rename: a folder that has it holds a whole set. */
import { closeSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { CrError } from '../errors.js';
import { magicBytes, paddingOf, recordBytes } from './container.js';
import type { InventoryEntry } from './generated/inventory.js';
import type { StatsEntry } from './generated/stats.js';
import { attempt, create, folderPrefix, namesIn, openMade, remove, writeAt, writeFile } from './image-files.js';
import { fileName } from './kind.js';
import { GLOBAL_KINDS, IMAGES, kindOf, type EntryOf, type KindName } from './magic.js';

/** Images are small: most need one write. More than this is written at once, so that a large table of mappings does not pile up here. */
const FLUSH_AT = 256 << 10;
/** Records that may wait to be encoded. */
const QUEUE_MAX = 4096;

interface OpenImage {
  readonly file: string;
  readonly path: string;
  readonly kind: KindName;
  /** Opened at the first write: thousands of tasks have more images than a process has descriptors. */
  fd: number | null;
  /** Records that were not encoded yet: while a tree is frozen every millisecond counts, and this one can wait. */
  queue: { readonly entry: object; readonly data: Uint8Array | null }[];
  /** Bytes of data in `queue`. */
  waiting: number;
  chunks: Uint8Array[];
  pending: number;
  /** Bytes of the file so far, those in `chunks` included, those of `queue` not. */
  size: number;
  records: number;
}

/** A place for raw bytes that the caller writes itself. */
export interface RawSpace {
  readonly fd: number;
  readonly offset: number;
  /** For messages. */
  readonly path: string;
}

/** Bytes of an image with one record. */
function wholeImage<K extends KindName>(kind: K, entry: EntryOf<K>): Buffer {
  return Buffer.concat([magicBytes(kindOf(kind)), recordBytes(kindOf(kind).type, entry)]);
}

/** Statistics go into the work folder: they tell about a run, not about the tree. Throws CR_IMAGE_WRITE. */
export function writeServiceImage(workDir: string, kind: 'stats-dump' | 'stats-restore', entry: StatsEntry): void {
  writeFile(join(workDir, IMAGES[kind].file), wholeImage(kind, entry));
}

export class ImageWriter {
  readonly dir: string;
  readonly #prefix: string;
  /** Bytes of page data; counted by those who write them. */
  pageBytes = 0;
  readonly #images = new Map<string, OpenImage>();
  readonly #raw = new Map<string, number>();
  readonly #created = new Set<string>();
  /** Names that somebody else is making for us, empty. */
  #expected: ReadonlySet<string> = new Set();

  /** From here on the folder no longer holds the set that it held before. Throws CR_IMAGE_WRITE. */
  constructor(dir: string) {
    this.dir = dir;
    this.#prefix = folderPrefix(dir);
    remove(this.#pathOf(IMAGES.inventory.file));
  }

  /**
   * Appends a record, and the raw bytes that belong behind it, to the image `kind`-`id`; the first one creates the image. `id` is ignored for
   * kinds that have one file for the whole set. The entry is ours from here on, and may be encoded as late as in finish(): that is when one that does
   * not fit its schema throws CR_INTERNAL. Throws CR_INTERNAL when a kind of one record gets a second one; CR_IMAGE_WRITE.
   */
  add<K extends KindName>(kind: K, id: number | bigint | undefined, entry: EntryOf<K>, data?: Uint8Array): void {
    const image = this.#record(kind, id, entry, data ?? null);
    if (image.waiting >= FLUSH_AT) this.#encode(image);
    this.#flushLarge(image);
  }

  /**
   * Says that files of these names are being made, with O_EXCL and empty. Those that are not used are removed in the end. Whoever makes them must be done
   * before finish() or abort().
   */
  expect(names: readonly string[]): void {
    this.#expected = new Set(names);
  }

  #pathOf(name: string): string {
    return this.#prefix + name;
  }

  #create(name: string): number {
    const path = this.#pathOf(name);
    const fd = (this.#expected.has(name) ? openMade(path) : null) ?? create(path);
    this.#created.add(path);
    return fd;
  }

  /** Makes the image even when no record comes: a reader tells "none" from "lost" by the file. */
  open(kind: KindName, id: number | bigint | undefined): void {
    this.#image(kind, id);
  }

  /** Whether the image that a set has once has been begun. */
  has(kind: KindName): boolean {
    return this.#images.has(IMAGES[kind].file);
  }

  /**
   * As add(), but the caller writes the `length` raw bytes itself, at the returned place and before finish() (splice, copy_file_range). The
   * descriptor stays ours.
   */
  addSpace<K extends KindName>(kind: K, id: number | bigint | undefined, entry: EntryOf<K>, length: number): RawSpace {
    const image = this.#record(kind, id, entry);
    const fd = this.#flush(image);
    const offset = image.size;
    const padding = this.#padding(kind, length);
    image.size += length;
    if (padding > 0) this.#append(image, Buffer.alloc(padding));
    return { fd, offset, path: image.path };
  }

  /** Creates a file without records and returns its descriptor, which stays ours; asking again gives the same one. Throws CR_IMAGE_WRITE. */
  rawFile(name: string): number {
    let fd = this.#raw.get(name);
    if (fd === undefined) {
      fd = this.#create(name);
      this.#raw.set(name, fd);
    }
    return fd;
  }

  /** Writes what is left, removes images of an earlier set that this one lacks, and last of all makes inventory.img. Throws CR_IMAGE_WRITE. */
  finish(inventory: InventoryEntry): void {
    for (const image of this.#images.values()) {
      closeSync(this.#flush(image));
      image.fd = null;
    }
    this.#close();
    const present = namesIn(this.dir);
    for (const file of [...GLOBAL_KINDS.map((kind) => IMAGES[kind].file), ...this.#expected]) {
      const path = this.#pathOf(file);
      if (present.has(file) && !this.#created.has(path)) remove(path);
    }
    const path = this.#pathOf(IMAGES.inventory.file);
    const beside = `${path}.new`;
    this.#created.add(beside);
    writeFile(beside, wholeImage('inventory', inventory));
    this.#created.add(path);
    attempt('rename', path, () => renameSync(beside, path));
  }

  /** Closes and removes every file that this writer created, inventory.img first. Never throws: it runs while another error is on its way. */
  abort(): void {
    this.#close();
    const expected = [...this.#expected].map((name) => this.#pathOf(name));
    for (const path of [...expected, ...this.#created].reverse()) {
      try {
        unlinkSync(path);
      } catch {
        // Gone already, or the folder is: there is nothing left to do about it.
      }
    }
    this.#created.clear();
  }

  #close(): void {
    for (const image of this.#images.values()) {
      if (image.fd !== null) closeSync(image.fd);
      image.fd = null;
    }
    for (const fd of this.#raw.values()) closeSync(fd);
    this.#raw.clear();
    this.#images.clear();
  }

  #record(name: KindName, id: number | bigint | undefined, entry: object, data: Uint8Array | null = null): OpenImage {
    const kind = kindOf(name);
    const image = this.#image(name, id);
    if (kind.single && image.records > 0)
      throw new CrError('CR_INTERNAL', { message: 'a second record for an image that has one', subject: { path: image.path } });
    image.queue.push({ entry, data });
    image.waiting += data?.length ?? 0;
    image.records++;
    if (image.queue.length >= QUEUE_MAX) this.#encode(image);
    return image;
  }

  #encode(image: OpenImage): void {
    const kind = kindOf(image.kind);
    const first = image.records - image.queue.length;
    image.waiting = 0;
    image.queue.splice(0).forEach(({ entry, data }, i) => {
      this.#push(image, recordBytes(first + i === 0 ? (kind.first ?? kind.type) : kind.type, entry));
      if (!data) return;
      this.#push(image, data);
      const padding = this.#padding(image.kind, data.length);
      if (padding > 0) this.#push(image, Buffer.alloc(padding));
    });
  }

  #push(image: OpenImage, bytes: Uint8Array): void {
    image.chunks.push(bytes);
    image.pending += bytes.length;
    image.size += bytes.length;
  }

  #image(kind: KindName, id: number | bigint | undefined): OpenImage {
    const file = fileName(kindOf(kind), id);
    let image = this.#images.get(file);
    if (image === undefined) {
      image = { file, path: this.#pathOf(file), kind, fd: null, queue: [], waiting: 0, chunks: [], pending: 0, size: 0, records: 0 };
      this.#images.set(file, image);
      this.#append(image, magicBytes(kindOf(kind)));
    }
    return image;
  }

  #padding(name: KindName, length: number): number {
    const { payload } = kindOf(name);
    return typeof payload === 'object' ? Number(paddingOf(BigInt(length), payload.pad)) : 0;
  }

  #append(image: OpenImage, bytes: Uint8Array): void {
    this.#encode(image);
    this.#push(image, bytes);
  }

  #flushLarge(image: OpenImage): void {
    if (image.pending >= FLUSH_AT) this.#flush(image);
  }

  #flush(image: OpenImage): number {
    this.#encode(image);
    if (image.fd === null) {
      image.fd = this.#create(image.file);
    }
    if (image.pending > 0) writeAt(image.fd, image.path, Buffer.concat(image.chunks), image.size - image.pending);
    image.chunks = [];
    image.pending = 0;
    return image.fd;
  }
}
