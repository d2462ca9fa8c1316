/**
 * Messages inside of others that come again byte by byte: threads of one process have the same credentials, and mostly the same floating point state.
 * They are decoded once; whoever holds one holds it together with others, so they are frozen.
 */
import type { Field } from './message.js';

/** Bytes. Smaller messages are decoded faster than they are compared. */
const LEAST = 16;
/** Larger ones than any part of a thread are hardly ever equal, and what is remembered must stay small. */
const MOST = 8192;
/** After so many in a row that were new, a field is no longer looked at. */
const MOST_MISSES = 32;

/** As many different ones are remembered for each field: the three TLS entries of a thread are. */
const KEPT = 4;

interface Part {
  readonly bytes: Buffer;
  readonly value: object;
  frozen: boolean;
}

/** What is remembered of one field. */
interface Recent {
  readonly parts: Part[];
  next: number;
  misses: number;
}

export class SharedParts {
  private readonly fields = new Map<Field, Recent>();

  /** Whether a message of that many bytes is worth a look. */
  suits(length: number): boolean {
    return length >= LEAST && length <= MOST;
  }

  /** What `bytes` from `start` to `stop` were decoded to when this field had the same. */
  find(field: Field, bytes: Uint8Array, start: number, stop: number): object | null {
    const recent = this.fields.get(field);
    if (recent === undefined) return null;
    const { parts } = recent;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      if (part.bytes.length !== stop - start || part.bytes.compare(bytes, start, stop) !== 0) continue;
      if (!part.frozen) freeze(part.value);
      part.frozen = true;
      recent.misses = 0;
      return part.value;
    }
    return null;
  }

  keep(field: Field, bytes: Uint8Array, value: object): void {
    let recent = this.fields.get(field);
    if (recent === undefined) this.fields.set(field, (recent = { parts: [], next: 0, misses: 0 }));
    if (++recent.misses > MOST_MISSES) {
      recent.parts.length = 0;
      return;
    }
    recent.parts[recent.next] = { bytes: Buffer.from(bytes), value, frozen: false };
    recent.next = (recent.next + 1) % KEPT;
  }
}

function freeze(value: object): void {
  // Bytes cannot be frozen (ECMAScript, TypedArray [[DefineOwnProperty]]).
  if (value instanceof Uint8Array) return;
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) freeze(member as object);
  Object.freeze(value);
}
