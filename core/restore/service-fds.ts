/**
 * Descriptors that the restored tasks need while they are built. We open every file description once, in our own process (close-on-exec); the
 * first seed duplicates them to a block of high numbers above every number that a task of the tree uses, and its children inherit the block by
 * fork. Each task duplicates from there to its final numbers and closes the block.
 */
import { closeSync } from 'node:fs';

/** Position in the block; `number()` gives the descriptor once the block is placed. */
export type Handle = number & { readonly __handle: unique symbol };

export class ServiceFds {
  private readonly local: number[] = [];
  private base = -1;

  /** Takes over an open descriptor of ours: it is closed with `close()`. */
  add(localFd: number): Handle {
    if (this.base >= 0) throw new Error('the service block is already placed');
    return (this.local.push(localFd) - 1) as Handle;
  }

  /** Our own descriptor behind a handle, for calls that we make ourselves. */
  localFd(handle: Handle): number {
    return this.local[handle]!;
  }

  /** Our own descriptor at a position of the block. */
  localAt(position: number): number {
    return this.local[position]!;
  }

  /** Places the block above `highestTaskFd` and above our own descriptors, so that a dup3 never closes a source. */
  place(highestTaskFd: number): void {
    this.base = Math.max(highestTaskFd, maxOf(this.local)) + 1;
  }

  /** First number of the block. */
  get first(): number {
    return this.base;
  }
  /** Number of the descriptor in every seed. Valid after `place()`. */
  number(handle: Handle): number {
    if (this.base < 0) throw new Error('the service block is not placed yet');
    return this.base + handle;
  }

  get count(): number {
    return this.local.length;
  }

  close(): void {
    for (const fd of this.local.splice(0)) closeSync(fd);
  }
}

function maxOf(numbers: readonly number[]): number {
  let max = 0;
  for (const n of numbers) if (n > max) max = n;
  return max;
}
