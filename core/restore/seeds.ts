/**
 * The processes that become the restored tree. The first seed is cloned from our KernelThread with its pid and executes the seed binary; all
 * others are forked by seeds. Every one serves programs from the arena and dies when we do.
 */
import { errnoName } from '../abi/errno.js';
import { WALL } from '../abi/ptrace.js';
import { CrError } from '../errors.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import { readStat } from '../kernel/procfs/stat.js';
import { waitForState } from '../kernel/wait-state.js';
import { SEED_FD } from '../program/isa.js';
import { Program } from '../program/program.js';
import type { RestoreTask } from './model.js';
import { pidHolder } from './pids.js';
import type { SeedArena, SeedThread } from './seed-arena.js';
import type { ServiceFds } from './service-fds.js';

const CLONE_VM = 0x100;
const CLONE_VFORK = 0x4000;
const CLONE_PARENT = 0x8000;
const SIGCHLD = 17;
const SIG_SETMASK = 2;
const AT_EMPTY_PATH = 0x1000;
const POLL_NS = 20_000_000;
const CHILD_STACK = 8192;
const SIGKILL = 9;
const PR_SET_CHILD_SUBREAPER = 36;
/** Programs handed over and waited for at a time: bounds our memory. */
const BATCH = 1024;

/** Called while seeds are waited for, some times a second; throws to end the restore. */
export type Between = () => Promise<void>;

/** A program for one thread of a seed. */
export interface SeedJob {
  readonly thread: SeedThread;
  readonly program: Program;
  readonly pid: number;
}

/** Clones and starts the root. `block`: its thread block, preset or idle. */
export function startRoot(thread: KernelThread, seeds: SeedArena, service: ServiceFds, root: { pid: number; sibling: boolean }): void {
  const { value, free } = thread.once('seed.root', 65536 + service.count * 256, (p) => {
    const exec = execProgram(p, seeds, service);
    thread.observer.before?.(exec);
    const stack = p.out(CHILD_STACK, 64);
    const tid = p.out(8).setU64(0, root.pid);
    const args = p.struct('clone_args', {
      flags: CLONE_VM | CLONE_VFORK | (root.sibling ? CLONE_PARENT : 0),
      // With CLONE_PARENT the exit signal is that of our own process, and clone3 wants none here (clone(2)).
      exit_signal: root.sibling ? 0 : SIGCHLD,
      stack: stack.addr,
      stack_size: CHILD_STACK,
      set_tid: tid.addr,
      set_tid_size: 1,
    });
    return { exec, spawn: p.spawnProgram(args, exec.address).ignore('checked below') };
  });
  const result = value.spawn.result;
  // The child shared our memory until it executed the seed, so its program tells why it did not.
  const failed = value.exec.firstFailure({ subject: { pid: root.pid }, target: 'destroyed' });
  free();
  if (result < 0) throw cannotClone(thread, root.pid, errnoName(-result));
  if (failed) throw failed;
}

function cannotClone(thread: KernelThread, pid: number, name: string): CrError {
  const holder = name === 'EEXIST' ? pidHolder(thread.proc, pid) : null;
  return new CrError(name === 'EEXIST' ? 'CR_PID_TAKEN' : name === 'EPERM' ? 'CR_NO_PERMISSION' : 'CR_RESTORE', {
    message: holder ?? (name === 'EPERM' ? 'a process with a given pid needs CAP_CHECKPOINT_RESTORE' : 'cannot be created'),
    subject: { pid },
    kernel: { call: `clone3({set_tid: [${pid}]})`, errno: name },
    target: 'destroyed',
  });
}

/** What the cloned child does before it is a seed: it shares our memory, but not our descriptors. */
function execProgram(outer: Program, seeds: SeedArena, service: ServiceFds): Program {
  const p = new Program('seed.exec', outer.arena);
  const mask = p.out(8).setU64(0, 0xffffffffffffffffn);
  p.sys.rt_sigprocmask(SIG_SETMASK, mask, 0, 8).must('block signals');
  if (service.count > 0) {
    p.sys.close_range(service.first, 0xffffffff, 0).must('make room for the service descriptors');
    for (let i = 0; i < service.count; i++) p.sys.dup3(service.localAt(i), service.first + i, 0).must('pass a descriptor on');
  }
  p.sys.dup3(seeds.fd, SEED_FD, 0).must('pass the arena on');
  const empty = p.cstr('');
  const argv = p.out(16).setU64(0, p.cstr('criu-ts').addr);
  p.sys.execveat(seeds.seedFd, empty, argv, p.out(8), AT_EMPTY_PATH).must('execute the seed');
  return p.end();
}

/** Hands programs over, waits for all, and throws what the first failed one says. */
export async function runSeeds(thread: KernelThread, seeds: SeedArena, jobs: readonly SeedJob[], between: Between): Promise<void> {
  submitSeeds(thread, seeds, jobs);
  await waitSeeds(thread, seeds, jobs, between);
}

/** Hands programs over; waitSeeds() tells what came of them. */
export function submitSeeds(thread: KernelThread, seeds: SeedArena, jobs: readonly SeedJob[]): void {
  for (const job of jobs) thread.observer.before?.(job.program);
  for (let i = 0; i < jobs.length; i += BATCH) submitBatch(thread, seeds, jobs.slice(i, i + BATCH));
}

function submitBatch(thread: KernelThread, seeds: SeedArena, jobs: readonly SeedJob[]): void {
  const { free } = thread.here('seeds.submit', 4096 + jobs.length * 64, (p) => {
    for (const job of jobs) seeds.submit(p, job.thread, job.program);
  });
  free();
}

/** Waits for programs that were handed over or preset. Seeds that die, and programs that fail, are errors. */
export async function waitSeeds(thread: KernelThread, seeds: SeedArena, jobs: readonly SeedJob[], between: Between): Promise<void> {
  try {
    await waitAll(thread, seeds, jobs, between);
  } finally {
    for (const job of jobs) if (seeds.isDone(job.thread)) thread.observer.after?.(job.program, seeds.statusOf(job.thread));
  }
}

async function waitAll(thread: KernelThread, seeds: SeedArena, jobs: readonly SeedJob[], between: Between): Promise<void> {
  for (
    let left = jobs.filter((job) => !finished(thread, seeds, job));
    left.length > 0;
    left = left.filter((job) => !finished(thread, seeds, job))
  ) {
    const batch = left.slice(0, BATCH);
    const { free } = thread.once('seeds.wait', 4096 + batch.length * 64, (p) => {
      for (const job of batch) seeds.emitWait(p, job.thread, POLL_NS);
    });
    free();
    // A forked seed exists only when its parent got that far, so a parent's failure is looked for before a missing child.
    for (const job of jobs) finished(thread, seeds, job);
    for (const job of batch) if (!seeds.isDone(job.thread)) checkAlive(thread, job);
    await between();
  }
}

function finished(thread: KernelThread, seeds: SeedArena, job: SeedJob): boolean {
  if (!seeds.isDone(job.thread)) return false;
  const status = seeds.statusOf(job.thread);
  if (status >= 0) return true;
  const failure = job.program.failure(status, { subject: { pid: job.pid }, target: 'destroyed' });
  const { kernel, subject } = failure;
  throw kernel?.errno === 'EEXIST' && kernel.call.startsWith('clone3(')
    ? cannotClone(thread, subject?.pid ?? job.pid, kernel.errno)
    : failure;
}

function checkAlive(thread: KernelThread, job: SeedJob): void {
  const state = readStat(thread.proc, job.pid)?.state;
  // Not there yet is fine: its parent may still be reading pages.
  if (state !== 'Z' && state !== 'X') return;
  throw new CrError('CR_RESTORE', {
    message: 'ended while it was being restored (out of memory, or killed by somebody)',
    subject: { pid: job.pid },
    hint: 'Look for the OOM killer in the kernel log.',
    target: 'destroyed',
  });
}

/**
 * Kills everything that was created, and waits until it is gone. Orphans are given to us for that time, so that nothing is left to init.
 * @param isBorn whether a task was created and is not reaped: another number of the tree may be that of somebody else, whom nothing must happen to
 */
export function killSeeds(thread: KernelThread, tasks: readonly RestoreTask[], isBorn: (task: RestoreTask) => boolean): void {
  const left = new Set(tasks);
  // One that dies now may have made another just before.
  for (let dying = tasks.filter(isBorn); dying.length > 0; dying = [...left].filter(isBorn)) {
    killAll(thread, dying);
    for (const task of dying) left.delete(task);
  }
}

function killAll(thread: KernelThread, dying: readonly RestoreTask[]): void {
  const pids = dying.map((task) => task.pid);
  const threads = dying.flatMap((task) => task.threads.map(({ tid }) => tid).filter((tid) => tid !== task.pid));
  const { value: waits, free } = thread.once('seeds.kill', 8192 + pids.length * 256 + threads.length * 80, (p) => {
    p.sys.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0).ignore('without it init reaps the orphans');
    for (const pid of pids) p.sys.kill(pid, SIGKILL).ignore('a zombie of the tree is dead already');
    // A leader that somebody traces reports its end only when its other traced threads have been waited for (ptrace(2), "Death under ptrace").
    for (const tid of threads) p.sys.wait4(tid, p.out(8), WALL, 0).ignore('only traced threads can be waited for');
    // Parents first: each one reaped gives its children to us.
    const waits = pids.map((pid) => p.sys.wait4(pid, p.out(8), WALL, 0).ignore('looked at below'));
    p.sys.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0).ignore('as it was');
    return waits;
  });
  // With --restore-sibling they are children of our parent, whose business it is to reap them.
  const others = pids.filter((_, i) => waits[i]!.result < 0);
  free();
  for (const pid of others) waitForState(thread.proc, pid, ['', 'Z', 'X']);
}
