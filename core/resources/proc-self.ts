/** Values that a task may only set by writing to its own files in /proc. */
import type { Call } from '../program/call.js';
import type { Program } from '../program/program.js';

const AT_FDCWD = -100;
const O_WRONLY = 1;

/**
 * Emits a write of `text` to /proc/self/`name`. For the step `early`: later the root may be another one, without /proc. The caller states what a
 * failed write means.
 */
export function emitProcSelf(p: Program, name: string, text: string, write: (call: Call) => void): void {
  const bytes = Buffer.from(text);
  const fd = p.sys.openat(AT_FDCWD, p.cstr(`/proc/self/${name}`), O_WRONLY, 0).must(`open /proc/self/${name}`);
  write(p.sys.write(fd, p.data(bytes, 1), bytes.length));
  p.sys.close(fd).must(`close /proc/self/${name}`);
}
