/** Standard output for results: collected into large writes, complete even when the reader is slow, quiet when it has gone. */
import { writeSync } from 'node:fs';
import { CrError } from '../errors.js';

const FLUSH_AT = 64 << 10;

/** Thrown through a command when nobody reads its output any more. */
class OutputClosed extends Error {}

/** Runs a command that writes output. That its reader went away is no failure (`criu-ts show x | head`). */
export function unlessClosed(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
  }
}

/** Writes everything. Throws OutputClosed when the pipe has no reader, CrError when the file cannot take it. */
export function writeOut(fd: number, data: Uint8Array): void {
  for (let done = 0; done < data.length;) {
    try {
      done += writeSync(fd, data, done);
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
      if (errno === 'EPIPE') throw new OutputClosed();
      if (errno !== 'EAGAIN')
        throw new CrError('CR_KERNEL', { message: 'cannot write the output', kernel: { call: `write(${fd})`, errno }, cause: error });
      // A descriptor that somebody else made non-blocking: wait for the reader.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

export class Output {
  #pending: string[] = [];
  #length = 0;

  write(text: string): void {
    this.#pending.push(text);
    this.#length += text.length;
    if (this.#length >= FLUSH_AT) this.flush();
  }

  line(text: string): void {
    this.write(`${text}\n`);
  }

  flush(): void {
    const text = this.#pending.join('');
    this.#pending = [];
    this.#length = 0;
    writeOut(1, Buffer.from(text, 'utf8'));
  }
}
