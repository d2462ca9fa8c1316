/**
 * Whether mappings to come are locked into memory (mlockall(2), MCL_FUTURE). Belongs to the address space, and no file of /proc shows it: a mapping made for
 * a moment tells. CRIU's images have no field for it.
 */
import { readStatus } from '../kernel/procfs/status.js';
import { checkProcess } from './extra-checks.js';
import type { TaskResource } from './resource.js';

const NAME = 'mlock-future';
const MCL_FUTURE = 2;
const MCL_ONFAULT = 4;
const FLAGS = [MCL_FUTURE, MCL_FUTURE | MCL_ONFAULT].map(String);
const PAGE = 4096;
const PROT_RW = 3;
const MAP_PRIVATE_ANON_FIXED = 0x32;

export const mlockFuture: TaskResource = {
  name: NAME,
  readInside(p, task, run) {
    // In place of a page of our arena: should it stay, it goes with the arena. (Where nobody may unmap the arena, because several threads are in it while we die,
    // it would be a page of its own: so it is given back at once.)
    const page = p.out(PAGE, PAGE);
    const made = p.sys.mmap(page, PAGE, PROT_RW, MAP_PRIVATE_ANON_FIXED, -1n, 0).ignore('no room: looked at below');
    const resident = p.out(8);
    p.sys.mincore(page, PAGE, resident).ignore('there is no page, then');
    p.sys.munmap(page, PAGE).ignore('it goes with the arena');
    return () => {
      const flags = flagsOf(made.result > 0 && (resident.u32() & 1) !== 0, () => {
        const before = task.status.vm?.locked ?? 0;
        return before > 0 && (readStatus(run.thread.proc, task.pid)?.vm?.locked ?? 0) > before;
      });
      if (flags !== 0) run.extra.set(task.nsPid, NAME, String(flags));
    };
  },
  plan: checkProcess(NAME, 'lock of mappings to come', (flags) => FLAGS.includes(flags)),
  process: {
    // Mappings that exist keep what they are. Nothing is mapped after it, and our rights are still there.
    limits(p, task, run) {
      const flags = run.extra.get(task.pid, NAME);
      if (flags !== undefined) p.sys.mlockall(Number(flags)).must('lock mappings to come (needs CAP_IPC_LOCK, or RLIMIT_MEMLOCK above 0)');
    },
  },
};

/**
 * A locked mapping is filled at once. With MCL_ONFAULT it is not, but it is counted, as our arena is since the freeze; who has nothing locked is not asked.
 */
function flagsOf(filled: boolean, arenaIsLocked: () => boolean): number {
  if (filled) return MCL_FUTURE;
  return arenaIsLocked() ? MCL_FUTURE | MCL_ONFAULT : 0;
}
