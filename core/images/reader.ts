/** Reads one folder of images. Everything in it is hostile: see container.ts and decode.ts for the bounds. */
import { type BigIntStats, lstatSync, statSync } from 'node:fs';
import { CrError } from '../errors.js';
import { badImage, checkMagic, ImageFile, openImage, readRecords, type ImageRecord } from './container.js';
import { folderPrefix } from './image-files.js';
import { fileName } from './kind.js';
import { kindOf, type EntryOf, type KindName } from './magic.js';
import { toPagemap, type Pagemap } from './pagemap.js';
import { SharedParts } from './shared-parts.js';

export type ImageId = number | bigint | undefined;
export type PagemapKind = 'pagemap' | 'pagemap-shmem';
/** Kinds whose records are all of one type. */
export type PlainKind = Exclude<KindName, PagemapKind | 'ghost-file'>;

function statFolder(dir: string): BigIntStats {
  let errno = 'ENOTDIR';
  try {
    const stat = statSync(dir, { bigint: true });
    if (stat.isDirectory()) return stat;
  } catch (error) {
    errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
  }
  const why: Readonly<Record<string, string>> = { ENOENT: 'does not exist', ENOTDIR: 'is not a folder' };
  throw new CrError('CR_IMAGE_DIR', {
    message: `the image folder ${why[errno] ?? 'cannot be used'}`,
    subject: { path: dir },
    kernel: { call: `stat("${dir}")`, errno },
    hint: 'Name the folder of the images with --images-dir (-D).',
  });
}

export class ImageReader {
  readonly dir: string;
  readonly #prefix: string;
  /** Folders already passed on the way along `parent` links, by device and inode. */
  readonly #passed: readonly string[];
  #parent: ImageReader | null | undefined;
  readonly #shared = new SharedParts();
  /** Whole files by name. */
  #ahead: ReadonlyMap<string, Buffer> = new Map();

  /** Throws CR_IMAGE_DIR when `dir` is no folder. */
  constructor(dir: string, passed: readonly string[] = []) {
    this.dir = dir;
    this.#prefix = folderPrefix(dir);
    const stat = statFolder(dir);
    const here = `${stat.dev}:${stat.ino}`;
    if (passed.includes(here)) throw new CrError('CR_IMAGE_BAD', { message: 'is its own earlier dump', subject: { path: dir } });
    this.#passed = [...passed, here];
  }

  /** Path of a file in this folder. */
  pathOf(name: string): string {
    return this.#prefix + name;
  }

  /** Gives contents of regular files of this folder that were read together: from now on they are what these files hold. */
  readAhead(contents: ReadonlyMap<string, Buffer>): void {
    this.#ahead = contents;
  }

  exists(kind: KindName, id?: ImageId): boolean {
    return this.#ahead.has(fileName(kindOf(kind), id)) || lstatSync(this.#path(kind, id), { throwIfNoEntry: false }) !== undefined;
  }

  /** All records. Throws CR_IMAGE_MISSING, CR_IMAGE_BAD, CR_IMAGE_FEATURE; an image that may be missing is asked for with exists(). */
  readAll<K extends PlainKind>(kind: K, id?: ImageId): EntryOf<K>[] {
    return this.#records(kind, id).map(({ entry }) => entry as EntryOf<K>);
  }

  /** The record of an image that has exactly one. Throws as readAll. */
  readOne<K extends PlainKind>(kind: K, id?: ImageId): EntryOf<K> {
    const [first, second] = this.#records(kind, id);
    const path = this.#path(kind, id);
    if (first === undefined) throw badImage(path, 0, 'has no record');
    if (second !== undefined) throw badImage(path, second.offset, 'has more than one record');
    return first.entry as EntryOf<K>;
  }

  /**
   * Records with the place of the raw bytes behind each (pipes-data, sk-queues, tcp-stream ...), so that the data need not pass through here.
   * Of a ghost-file the first record is the ghost_file_entry; when that says `chunks`, ghost_chunk_entry records follow. Throws as readAll.
   */
  readWithData<K extends Exclude<KindName, PagemapKind>>(kind: K, id?: ImageId): ImageRecord<EntryOf<K>>[] {
    return this.#records(kind, id) as ImageRecord<EntryOf<K>>[];
  }

  /** A page map. Throws as readAll. */
  readPagemap(kind: PagemapKind, id: number | bigint): Pagemap {
    return toPagemap(this.#path(kind, id), this.#records(kind, id));
  }

  /** Opens an image for reading raw bytes. The caller closes the descriptor (close-on-exec). Throws CR_IMAGE_MISSING, CR_IMAGE_BAD. */
  openRaw(name: string): number {
    return openImage(this.pathOf(name)).fd;
  }

  /** The earlier dump that this one builds upon (the link `parent`), if any. Throws CR_IMAGE_DIR, CR_IMAGE_BAD when the link leads nowhere. */
  get parent(): ImageReader | undefined {
    if (this.#parent === undefined) {
      const path = this.pathOf('parent');
      this.#parent = lstatSync(path, { throwIfNoEntry: false }) === undefined ? null : new ImageReader(path, this.#passed);
    }
    return this.#parent ?? undefined;
  }

  /** `id` is ignored for kinds that have one file for the whole set. */
  #path(kind: KindName, id: ImageId): string {
    return this.pathOf(fileName(kindOf(kind), id));
  }

  #records(name: KindName, id: ImageId): ImageRecord[] {
    const kind = kindOf(name);
    const own = fileName(kind, id);
    const ahead = this.#ahead.get(own);
    const path = this.pathOf(own);
    const file = ahead ? ImageFile.of(path, ahead) : ImageFile.open(path);
    try {
      return [...readRecords(file, kind, checkMagic(file, kind), { shared: this.#shared })];
    } finally {
      file.close();
    }
  }
}
