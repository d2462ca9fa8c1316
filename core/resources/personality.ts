/**
 * Execution domain (personality(2)). It belongs to the thread; C libraries set it before threads exist, and CRIU keeps one for the process, so the
 * leader's is used.
 */
import { readPersonality } from '../kernel/procfs/task-values.js';
import type { TaskResource } from './resource.js';
import { taskPart } from './task-parts.js';

/** Lowest 16 bits: the domain, PER_LINUX .. PER_HPUX, of which only the lowest byte is a number (PER_MASK); flags start above (linux/personality.h). */
const DOMAIN_MASK = 0xffff;
const LAST_DOMAIN = 0x10;
/** UNAME26 .. ADDR_LIMIT_3GB. */
const FLAGS_MASK = 0x0ffe_0000;

function isPersonality(value: number): boolean {
  return (value & DOMAIN_MASK) <= LAST_DOMAIN && (value & ~(DOMAIN_MASK | FLAGS_MASK)) === 0;
}

/**
 * The personality that an image means. /proc/PID/personality is hexadecimal; CRIU up to 4.2 reads it as decimal, so that 00040000 (ADDR_NO_RANDOMIZE)
 * becomes 40000 in its images, and never sets it again. Such a number is no personality, so that both forms can be told apart. Null for neither.
 */
export function personalityOf(field: number): number | null {
  if (isPersonality(field)) return field;
  const read = parseInt(String(field), 16);
  return isPersonality(read) ? read : null;
}

export const personality: TaskResource = {
  name: 'personality',
  readFrozen(task, run) {
    const main = task.threads.find((thread) => thread.isMain);
    taskPart(task.core).personality = readPersonality(run.thread.proc, task.pid, main?.tid) ?? 0;
  },
  plan(task, run) {
    const field = taskPart(task.core!).personality;
    // CRIU's reading stops at the first of a to f; what is left may be anything and was never restored.
    if (personalityOf(field) === null)
      run.log.warn(`pid ${task.pid} has the personality ${field} in its image, which does not exist: it gets none`);
    return [];
  },
  process: {
    // After the mappings: READ_IMPLIES_EXEC would make those of the restore executable. Before threads are made: they inherit it.
    process(p, task) {
      const value = personalityOf(taskPart(task.core!).personality) ?? 0;
      p.sys.personality(value).must('set the execution domain');
    },
  },
};
