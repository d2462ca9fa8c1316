/**
 * An arena: memory that we and the executor of a program both see. We write through `bytes`; the executor uses addresses from `base` on. Addresses
 * of user space are below 2^47, so plain numbers hold them exactly.
 */
import type { Mapping } from '../kernel/native.js';
import { CrError } from '../errors.js';

export class Arena {
  readonly view: DataView;
  readonly bytes: Buffer;
  readonly size: number;
  private used: number;

  /**
   * @param mapping our view of the memory
   * @param base address of byte 0 as the executor sees it (our own address when it runs here)
   * @param start bytes at the beginning that are not handed out
   */
  constructor(
    readonly mapping: Mapping,
    readonly base: number,
    start = 0,
  ) {
    this.view = new DataView(mapping.buffer);
    this.bytes = Buffer.from(mapping.buffer);
    this.size = mapping.buffer.byteLength;
    this.used = start;
  }

  /** Reserves zeroed bytes and returns their offset. Throws CR_INTERNAL when the arena is too small: callers size it from what they will emit. */
  alloc(size: number, align = 8): number {
    const at = Math.ceil(this.used / align) * align;
    if (at + size > this.size)
      throw new CrError('CR_INTERNAL', { message: `arena of ${this.size} bytes is full (wanted ${size} more)`, target: 'frozen' });
    this.used = at + size;
    return at;
  }

  /** Bytes handed out so far. */
  get mark(): number {
    return this.used;
  }

  /** Gives back everything after a mark, zeroed: only when no program that used it is needed any more. */
  release(mark: number): void {
    this.bytes.fill(0, mark, this.used);
    this.used = mark;
  }

  addr(offset: number): number {
    return this.base + offset;
  }
}
