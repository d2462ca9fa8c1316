/** Which processes use CUDA: first what costs next to nothing, then a question to the driver about the few that are left. */
import { closeSync, openSync, readSync, statSync, existsSync } from 'node:fs';
import { basename } from 'node:path';

/** A host where one of these is can have processes that use CUDA. */
const DRIVER_SIGNS = ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/dev/dxg'];

const CHUNK = 256 * 1024;
/** Every user of CUDA has the driver library mapped, under a name such as libcuda.so.580.65.06. */
const LIBRARY = '/libcuda.so';

/** Without a driver nothing uses CUDA, and nothing has to be looked at. */
export function hostHasDriver(): boolean {
  return DRIVER_SIGNS.some((path) => existsSync(path));
}

/** /proc/PID/task has two links and one for each thread. A process with CUDA has at least the thread that does the driver's work. */
function hasThreads(pid: number): boolean {
  return statSync(`/proc/${pid}/task`).nlink > 3;
}

function mapsOneOf(pid: number, names: readonly Buffer[]): boolean {
  const longest = Math.max(...names.map(({ length }) => length));
  const fd = openSync(`/proc/${pid}/maps`, 'r');
  try {
    const buffer = Buffer.allocUnsafe(CHUNK + longest);
    // What one read ends with may be the begin of a name.
    for (let kept = 0; ;) {
      const n = readSync(fd, buffer, kept, CHUNK, null);
      if (n === 0) return false;
      const filled = buffer.subarray(0, kept + n);
      if (names.some((name) => filled.includes(name))) return true;
      kept = Math.min(filled.length, longest);
      filled.copy(buffer, 0, filled.length - kept);
    }
  } finally {
    closeSync(fd);
  }
}

/** True when the process may use CUDA; false also for one that is gone. `library`: a driver library of another name (option libcuda). */
export function mayUseCuda(pid: number, library?: string): boolean {
  const names = [LIBRARY, ...(library === undefined ? [] : [`/${basename(library)}`])];
  try {
    return (
      hasThreads(pid) &&
      mapsOneOf(
        pid,
        names.map((name) => Buffer.from(name)),
      )
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return false;
    throw error;
  }
}
