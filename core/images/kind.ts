/** What an image file is: the types behind the table in magic.ts. */
import type { MessageType } from './message.js';

/** In front of the magic number of the kind: nothing (inventory only), or one of the two words that say "format of version 1.1". */
export const MAGIC_COMMON = 0x54564319;
export const MAGIC_SERVICE = 0x55105940;

/** Raw bytes behind a record, not counting the zeros that fill up to a multiple of `pad`. */
export interface Payload<T> {
  /** Bytes that the record announces. */
  size(entry: T): bigint;
  readonly pad: number;
}

/** How a kind departs from "common magic, plain records". */
interface KindExtras<T, H> {
  /** One record and no more. */
  readonly single?: boolean;
  /** Type of the first record, where it differs from the others. */
  readonly first?: MessageType<H & object>;
  /**
   * `rest-or-chunks`: the first record is followed by all the rest of the file, unless its field `chunks` says that records with data follow.
   * `messages`: `qnum` records of type ipc_msg with data follow each record.
   */
  readonly payload?: Payload<T> | 'rest-or-chunks' | 'messages';
  readonly prefix?: number | null;
}

/** One kind of image. `T` is the message of its records, `H` that of the first one. */
export interface ImageKind<T extends object = object, H extends object = T> {
  /** Name of the magic number, as JSON has it. */
  readonly magicName: string;
  readonly magic: number;
  /** MAGIC_COMMON, MAGIC_SERVICE, or null when the kind's own number comes first. */
  readonly prefix: number | null;
  /** File name; `%u` and `%x` stand for the id in decimal and hexadecimal. */
  readonly file: string;
  readonly type: MessageType<T>;
  readonly first: MessageType<H> | undefined;
  readonly single: boolean;
  readonly payload: Payload<T> | 'rest-or-chunks' | 'messages' | undefined;
}

/** One row of the table. */
export function image<T extends object, H extends object = T>(
  magicName: string,
  magic: number,
  file: string,
  type: MessageType<T>,
  extras: KindExtras<T, H> = {},
): ImageKind<T, H> {
  const { single = false, first, payload, prefix = MAGIC_COMMON } = extras;
  return { magicName, magic, prefix, file, type, first, single, payload };
}

/** `file` of a kind with the id put in. An id where the name has no place for one is ignored: CRIU counts those as id 0. */
export function fileName(kind: ImageKind, id: number | bigint | undefined): string {
  if (!kind.file.includes('%')) return kind.file;
  if (id === undefined) throw new RangeError(`${kind.file} needs an id`);
  return kind.file.replace(/%[ux]/, (form) => id.toString(form === '%x' ? 16 : 10));
}
