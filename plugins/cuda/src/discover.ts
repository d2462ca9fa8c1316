/** Which processes use CUDA: first what costs next to nothing, then a question to the driver about the few that are left. */
import { closeSync, openSync, readSync, existsSync } from 'node:fs';
import { basename } from 'node:path';
import { holdsDevices } from './leftovers.js';

/** A host where one of these is can have processes that use CUDA. */
const DRIVER_SIGNS = ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/dev/dxg'];

const CHUNK = 256 * 1024;
/** Every user of CUDA has the driver library mapped, under a name such as libcuda.so.580.65.06. */
const LIBRARY = '/libcuda.so';

/** Without a driver nothing uses CUDA, and nothing has to be looked at. */
export function hostHasDriver(): boolean {
  return DRIVER_SIGNS.some((path) => existsSync(path));
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

/** What is looked at of a task: all of it is known to the engine. */
interface Looked {
  readonly pid: number;
  readonly threads: readonly number[];
}

interface Wanted {
  readonly discover: 'look' | 'ask';
  /** A driver library of another name. */
  readonly libcuda?: string | undefined;
}

/** True when the process may use CUDA; false also for one that is gone. A process with CUDA has at least the thread that does the driver's work. */
function mayUseCuda({ pid, threads }: Looked, libcuda: string | undefined): boolean {
  if (threads.length < 2) return false;
  const names = [LIBRARY, ...(libcuda === undefined ? [] : [`/${basename(libcuda)}`])].map((name) => Buffer.from(name));
  try {
    return mapsOneOf(pid, names);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return false;
    throw error;
  }
}

/** Processes of a tree that a back end has to be asked about. */
export function candidates({ tasks }: { readonly tasks: readonly Looked[] }, { discover, libcuda }: Wanted): number[] {
  return tasks.filter((task) => discover === 'ask' || mayUseCuda(task, libcuda)).map(({ pid }) => pid);
}

/**
 * Why a tree must run again that stands and had no process with CUDA before: one has got a device since. Devices are looked at first, because nothing is cheaper and
 * the tree is stopped; a process that runs with CUDA has some open.
 */
export function newcomers({ tasks }: { readonly tasks: readonly Looked[] }, wanted: Wanted): { readonly retry: string } | undefined {
  const holders = tasks.filter(({ pid, threads }) => threads.length > 1 && holdsDevices(pid));
  const fresh = candidates({ tasks: holders }, wanted);
  return fresh.length === 0 ? undefined : { retry: `pid ${fresh.join(', ')} began to use CUDA after the pause` };
}
