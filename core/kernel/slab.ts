/** Copies of many small pieces of memory in a few large ones: to make a buffer costs more than to fill it, and thousands of threads have some each. */

const CHUNK = 256 * 1024;
/** Typed arrays of any element type may begin there. */
const ALIGN = 8;

export class Slab {
  private chunk = new ArrayBuffer(0);
  private used = 0;

  /** A copy that begins at a multiple of 8. */
  copy(bytes: Uint8Array): Buffer {
    const { length } = bytes;
    if (this.used + length > this.chunk.byteLength) {
      this.chunk = new ArrayBuffer(Math.max(CHUNK, length));
      this.used = 0;
    }
    const piece = Buffer.from(this.chunk, this.used, length);
    piece.set(bytes);
    this.used += Math.ceil(length / ALIGN) * ALIGN;
    return piece;
  }
}
