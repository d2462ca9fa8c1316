/** Processors that a thread may run on (sched_setaffinity(2)). CRIU's images have no field for it; they are only kept when some are excluded. */
import { availableParallelism, cpus } from 'node:os';
import type { TaskResource } from './resource.js';
import { whose } from './task-parts.js';

const NAME = 'cpu-affinity';
/** 8,192 processors: CONFIG_NR_CPUS of the largest kernels. */
const MASK_SIZE = 1024;

/** The mask of the kernel (little-endian words) as a hexadecimal number, lowest processor in the lowest bit. */
export function maskText(bytes: Buffer): string {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`).toString(16);
}

/** The other way; null when the text is no such mask. */
export function maskBytes(text: string): Buffer | null {
  if (!/^[0-9a-f]{1,2048}$/.test(text) || /^0+$/.test(text)) return null;
  return Buffer.from(text.padStart(2 * MASK_SIZE, '0'), 'hex').reverse();
}

/** Does the mask leave out a processor that this machine has? */
export function excludesSome(bytes: Buffer, processors: number): boolean {
  let chosen = 0;
  for (const byte of bytes) for (let rest = byte; rest !== 0; rest &= rest - 1) chosen++;
  return chosen < processors;
}

let processors = 0;
/** Asked once: it reads /proc/cpuinfo. */
function processorsOnce(): number {
  processors ||= Math.max(cpus().length, availableParallelism());
  return processors;
}

export const cpuAffinity: TaskResource = {
  name: NAME,
  prepare: () => void processorsOnce(),
  readOutside(p, thread, run) {
    const mask = p.out(MASK_SIZE);
    const size = p.sys.sched_getaffinity(thread.tid, MASK_SIZE, mask).must('read the processors that a thread may use');
    return () => {
      const bytes = mask.copy(0, size.result);
      if (excludesSome(bytes, processorsOnce())) run.extra.set(thread.nsTid, NAME, maskText(bytes));
    };
  },
  plan: (task, run) =>
    task.threads.flatMap(({ tid }) => {
      const text = run.extra.get(tid, NAME);
      return text === undefined || maskBytes(text) !== null ? [] : [`${whose(task.pid, tid)}has an impossible set of processors`];
    }),
  thread: {
    // By the thread itself, which needs no right for it, and last: few steps of the restore are then bound to few processors.
    threadLate(p, thread, run) {
      const text = run.extra.get(thread.tid, NAME);
      if (text === undefined) return;
      p.sys
        .sched_setaffinity(0, MASK_SIZE, p.data(maskBytes(text)!))
        .tolerate(
          'EINVAL',
          'keep the processors that the thread has, where none of its own exists or the control group forbids all of them',
        );
    },
  },
};
