/**
 * After the births: everything that a process has besides memory. Rounds with a barrier between them:
 *  1. `join`: process groups, descriptors, threads, timers; zombies end; 2. `settle`: helpers are reaped, signal actions (which drop the SIGCHLDs
 *  that ended processes caused), queued signals, what needs all descriptors; 3. limits, every thread's own state, credentials; 4. timers are armed.
 */
import { WALL } from '../abi/ptrace.js';
import { Program } from '../program/program.js';
import type { ThreadStep } from '../resources/resource.js';
import { emitStep } from './births.js';
import type { RestoreRun, RestoreTask, RestoreThread } from './model.js';
import type { SeedArena, SeedThreads } from './seed-arena.js';
import type { SeedJob } from './seeds.js';

/** CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM: what pthread_create shares (clone(2)). */
const CLONE_AS_THREAD = 0x50f00;
const PR_SET_NAME = 15;
const SIGKILL = 9;
const SIG_UNBLOCK = 1;
const BEFORE_LIMITS: readonly ThreadStep[] = ['thread', 'threadSignals'];
const AFTER_LIMITS: readonly ThreadStep[] = ['threadCreds', 'threadLate'];

export interface AttributeContext {
  readonly run: RestoreRun;
  readonly seeds: SeedArena;
  readonly processes: SeedThreads<RestoreTask>;
  readonly threads: SeedThreads<RestoreThread>;
}

/** The first task in the tree with a descriptor table sets it up for all that share it; the same for cwd, root and umask. */
export function owners(tasks: readonly RestoreTask[], id: 'files_id' | 'fs_id'): Set<RestoreTask> {
  const seen = new Set<number>();
  return new Set(
    tasks.filter((task) => {
      if (!task.ids || seen.has(task.ids[id])) return false;
      seen.add(task.ids[id]);
      return true;
    }),
  );
}

/** Round 1. Zombies are not waited for by their program: it ends them. */
export interface JoinJobs {
  readonly live: readonly SeedJob[];
  readonly zombies: readonly SeedJob[];
}

export function joinJobs(ctx: AttributeContext): JoinJobs {
  const { run } = ctx;
  const tables = owners(run.tasks, 'files_id');
  const fs = owners(run.tasks, 'fs_id');
  const live = run.tasks
    .filter((task) => task.kind === 'live')
    .map((task) => {
      const p = new Program('join', run.arena);
      emitGroup(p, task);
      if (tables.has(task)) {
        // What we and our caller had open; the seed needs none of it.
        p.sys.close_range(0, run.service.first - 1, 0).must('close what the task did not have');
        emitStep(p, 'files', task, run);
      }
      emitStep(p, 'process', task, run);
      for (const thread of task.threads) if (!thread.isLeader) emitThread(p, ctx, thread);
      emitStep(p, 'timers', task, run);
      if (fs.has(task)) emitStep(p, 'fs', task, run);
      return jobOf(ctx, task, p);
    });
  const zombies = run.tasks.filter((task) => task.kind === 'zombie').map((task) => jobOf(ctx, task, zombieProgram(run, task)));
  return { live, zombies };
}

function jobOf(ctx: AttributeContext, task: RestoreTask, program: Program): SeedJob {
  return { thread: ctx.processes.of(task), program: program.end(), pid: task.pid };
}

function emitGroup(p: Program, task: RestoreTask): void {
  if (task.sid !== task.pid && task.pgid !== task.pid) p.sys.setpgid(0, task.pgid).must(`join process group ${task.pgid}`);
}

function emitThread(p: Program, ctx: AttributeContext, thread: RestoreThread): void {
  const seed = ctx.threads.of(thread);
  const args = ctx.seeds.cloneArgs(p, seed, thread.tid, CLONE_AS_THREAD, 0);
  p.spawnDaemon(args, ctx.run.arena.addr(seed.block)).must('create a thread').about(thread.tid);
}

/** Ends as the process did: by exit code, or by the signal with its default action. */
function zombieProgram(run: RestoreRun, task: RestoreTask): Program {
  const p = new Program('zombie', run.arena);
  emitGroup(p, task);
  const core = task.core?.tc;
  p.sys.prctl(PR_SET_NAME, p.cstr(core?.comm ?? ''), 0, 0, 0).must('set the name');
  const code = core?.exit_code ?? 0;
  const signal = code & 0x7f;
  if (signal !== 0) {
    const none = p.struct('rlimit64');
    // A core file of ours would be a lie: RLIMIT_CORE (4) is 0.
    p.sys.prlimit64(0, 4, none, 0).must('write no core file');
    p.sys.rt_sigaction(signal, p.struct('sigaction'), 0, 8).tolerate('EINVAL', 'SIGKILL and SIGSTOP have no action');
    p.sys.rt_sigprocmask(SIG_UNBLOCK, p.out(8).setU64(0, 1n << BigInt(signal - 1)), 0, 8).must('let the signal in');
    p.sys.kill(task.pid, signal).must('end by the signal');
  }
  p.sys.exit_group(code >> 8).must('end with the exit code');
  return p;
}

/** Round 2. */
export function settleJobs(ctx: AttributeContext): SeedJob[] {
  const { run } = ctx;
  const tables = owners(run.tasks, 'files_id');
  const emitBefore = threadSteps(BEFORE_LIMITS, run);
  return run.tasks
    .filter((task) => task.kind === 'live')
    .map((task) => {
      const p = new Program('settle', run.arena);
      for (const helper of run.tasks) {
        if (helper.kind !== 'helper' || helper.parent !== task) continue;
        p.sys.kill(helper.pid, SIGKILL).must('end a helper');
        p.sys.wait4(helper.pid, 0, WALL, 0).must('reap a helper');
        ctx.seeds.emitReaped(p, ctx.processes.of(helper));
      }
      emitStep(p, 'signals', task, run);
      emitBefore(p, task.threads[0]!);
      if (tables.has(task)) emitStep(p, 'filesLate', task, run);
      return jobOf(ctx, task, p);
    });
}

type EmitThread = (p: Program, thread: RestoreThread) => void;

/** What emits these steps for a thread. Looked up once: most of the sixty resources have no part in any of them. */
function threadSteps(steps: readonly ThreadStep[], run: RestoreRun): EmitThread {
  const parts = steps.flatMap((step) =>
    run.hooks.resources.flatMap(({ thread: ofThread }) =>
      ofThread?.[step] ? [(p: Program, t: RestoreThread) => ofThread[step]!(p, t, run)] : [],
    ),
  );
  return (p, thread) => {
    for (let i = 0; i < parts.length; i++) parts[i]!(p, thread);
  };
}

/** Between rounds 2 and 3: threads that have queued signals of their own, which count against a limit that is not set yet. Mostly none. */
export function queueJobs(ctx: AttributeContext): SeedJob[] {
  const emitBefore = threadSteps(BEFORE_LIMITS, ctx.run);
  return queuing(ctx.run).map((thread) => {
    const p = new Program('queue', ctx.run.arena);
    emitBefore(p, thread);
    return { thread: ctx.threads.of(thread), program: p.end(), pid: thread.task.pid };
  });
}

function queuing(run: RestoreRun): RestoreThread[] {
  return run.tasks.flatMap((task) =>
    task.threads.filter((thread) => !thread.isLeader && (thread.core.thread_core?.signals_p?.signals.length ?? 0) > 0),
  );
}

/** Round 3: limits, then one program for every thread. */
export function threadJobs(ctx: AttributeContext): SeedJob[] {
  const { run } = ctx;
  const tables = owners(run.tasks, 'files_id');
  const done = new Set(queuing(run));
  const emitBefore = threadSteps(BEFORE_LIMITS, run);
  const emitAfter = threadSteps(AFTER_LIMITS, run);
  return run.tasks.flatMap((task) =>
    task.threads.map((thread): SeedJob => {
      const p = new Program('thread', run.arena);
      if (thread.isLeader) {
        if (tables.has(task) && run.service.count > 0)
          p.sys.close_range(run.service.first, 0xffffffff, 0).must('close the service descriptors');
        emitStep(p, 'limits', task, run);
      } else if (!done.has(thread)) emitBefore(p, thread);
      emitAfter(p, thread);
      return { thread: thread.isLeader ? ctx.processes.of(task) : ctx.threads.of(thread), program: p.end(), pid: task.pid };
    }),
  );
}

/** Round 4. */
export function armJobs(ctx: AttributeContext): SeedJob[] {
  const { run } = ctx;
  return run.tasks
    .filter((task) => task.kind === 'live')
    .map((task) => {
      const p = new Program('arm', run.arena);
      emitStep(p, 'arm', task, run);
      return jobOf(ctx, task, p);
    });
}
