/** I/O scheduling class and priority of a thread (ioprio_set(2)). CRIU's images have no field for it. */
import { checkEachThread } from './extra-checks.js';
import type { TaskResource } from './resource.js';

const NAME = 'io-priority';
const IOPRIO_WHO_PROCESS = 1;
/** Class is above it: 1 real-time, 2 best-effort, 3 idle; 0 follows the nice value (linux/ioprio.h). */
const CLASS_SHIFT = 13;
const LAST_CLASS = 3;

/** Null for a value that no thread has. */
export function ioPriorityOf(text: string): number | null {
  if (!/^[0-9]{1,5}$/.test(text)) return null;
  const value = Number(text);
  const level = value >> CLASS_SHIFT;
  return level >= 1 && level <= LAST_CLASS ? value : null;
}

export const ioPriority: TaskResource = {
  name: NAME,
  readOutside(p, thread, run) {
    const value = p.sys.ioprio_get(IOPRIO_WHO_PROCESS, thread.tid).ignore('a kernel without block devices has no such call');
    return () => {
      if (value.result >> CLASS_SHIFT > 0) run.extra.set(thread.nsTid, NAME, String(value.result));
    };
  },
  plan: checkEachThread(NAME, 'I/O priority', (text) => ioPriorityOf(text) !== null),
  // From outside: the thread's own credentials may not allow it any more.
  release(p, thread, run) {
    const text = run.extra.get(thread.tid, NAME);
    if (text === undefined) return;
    p.sys.ioprio_set(IOPRIO_WHO_PROCESS, thread.tid, ioPriorityOf(text)!).must(`give thread ${thread.tid} its I/O priority`);
  },
};
