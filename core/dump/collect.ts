/** Reading a frozen tree: first from outside, then by programs inside. Every resource adds its ops; each process costs one round trip. */
import { readSmaps } from '../kernel/procfs/smaps.js';
import { infectAll } from '../kernel/infect.js';
import { emitReadState, mostState, sizeOfState } from '../kernel/outside.js';
import { Parasite, type RemoteJob } from '../kernel/parasite.js';
import { runRemote } from '../kernel/remote-jobs.js';
import type { RobustList } from '../kernel/robust-list.js';
import { Slab } from '../kernel/slab.js';
import { Program } from '../program/program.js';
import type { Finish } from '../resources/resource.js';
import type { DumpRun, DumpTask } from './model.js';
import { isZombie } from '../kernel/procfs/stat.js';

/** Arena bytes for programs of one process, and for each of its threads. Untouched pages cost nothing. */
const PROCESS_ARENA = 512 * 1024;
const THREAD_ARENA = 4096;
const POSIX_TIMER_ARENA = 512;
/** Arena of the tracing thread for what one thread's resources ask from outside. */
const OUTSIDE_PER_THREAD = 24 * 1024;
const BATCH = 256;

function live(run: DumpRun): DumpTask[] {
  return run.tasks.filter((task) => !isZombie(task));
}

/** Everything that ptrace and /proc tell. Registers come first: resources look at them. */
export function readOutside(run: DumpRun): void {
  const threads = live(run).flatMap((task) => task.threads);
  for (const task of live(run)) task.vmas = readSmaps(run.thread.proc, task.pid) ?? [];
  for (const task of run.tasks) for (const resource of run.hooks.resources) if (!isZombie(task)) resource.readFrozen?.(task, run);
  // The first thread alone tells how much extended state there is: less memory for all others.
  let room = mostState();
  const slab = new Slab();
  const readers = run.hooks.resources.filter((resource) => resource.readOutside);
  for (let i = 0, count = 1; i < threads.length; i += count, count = BATCH) {
    const batch = threads.slice(i, i + count);
    const { value, free } = run.thread.once('collect.outside', 65536 + batch.length * (OUTSIDE_PER_THREAD + sizeOfState(room)), (p) =>
      batch.map((thread) => {
        const keep = emitReadState(p, thread.tracee, room, slab);
        return { keep, finish: readers.map((resource): Finish | void => resource.readOutside!(p, thread, run)) };
      }),
    );
    for (const { keep, finish } of value) {
      room = keep();
      finishAll(finish);
    }
    free();
  }
}

function finishAll(list: readonly (Finish | void)[]): void {
  for (const finish of list) finish?.();
}

/** Puts a parasite into every live process. */
export function infect(run: DumpRun, robust: RobustList): void {
  const hosts = live(run).flatMap((task) => {
    if (!task.traced) return [];
    const size = PROCESS_ARENA + task.threads.length * THREAD_ARENA + 64 * POSIX_TIMER_ARENA;
    const parasite = new Parasite(run.thread, robust, task.traced, size, run.options.step);
    task.parasite = parasite;
    return [{ parasite, maps: task.vmas }];
  });
  infectAll(run.thread, hosts);
}

/** Programs in every process, then in every thread; all processes at once. */
export function readInside(run: DumpRun): void {
  const jobs: RemoteJob[] = [];
  const finish: (Finish | void)[] = [];
  const readers = run.hooks.resources.filter((resource) => resource.readThread);
  for (const task of live(run)) {
    const parasite = task.parasite!;
    const main = task.threads.find((t) => t.isMain)!;
    const program = new Program('collect.process', parasite.arena);
    for (const resource of run.hooks.resources) finish.push(resource.readInside?.(program, task, run));
    for (const resource of readers) finish.push(resource.readThread!(program, main, run));
    jobs.push({ parasite, tracee: main.tracee, program: program.end() });
    for (const thread of task.threads) {
      if (thread === main) continue;
      const own = new Program('collect.thread', parasite.arena);
      for (const resource of readers) finish.push(resource.readThread!(own, thread, run));
      jobs.push({ parasite, tracee: thread.tracee, program: own.end() });
    }
  }
  runRemote(run.thread, jobs);
  finishAll(finish);
}
