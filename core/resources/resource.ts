/**
 * What a resource is. Dump and restore of one kernel resource stand side by side in one file; the runners (core/dump, core/restore) call the parts
 * that exist, in the order of core/stages.ts. `claim`, `read*` and `emit*` only look and add ops: nothing here waits, prints or exits.
 */
import type { DumpRun, DumpTask, DumpThread } from '../dump/model.js';
import type { PreflightTask } from '../dump/preflight-task.js';
import type { OwnState } from '../kernel/own-state.js';
import type { Program } from '../program/program.js';
import type { RestoreRun, RestoreTask, RestoreThread } from '../restore/model.js';

/** Decodes what a program left in its arena. Called once, after the program ran and before the arena is unmapped. */
export type Finish = () => void;

/**
 * Steps of a restored task, in this order; the barriers are waited for by every task of the tree. Each step of a process is one program (or part of
 * one). `thread*` steps run once for every thread, in that thread; the others run in the leader.
 */
export const RESTORE_STEPS = [
  /** Right after the seed was forked: personality, things that children inherit. No memory of the task exists yet. */
  'early',
  /** Descriptors at their final numbers (files resource). Barrier before: every task exists, pids are all taken. */
  'files',
  /** Process-wide attributes that need privilege or memory: prctl, oom score, THP, membarrier ... */
  'process',
  /** POSIX timers are created (not armed). Before rlimits (RLIMIT_SIGPENDING) and before threads exist that could race for ids. */
  'timers',
  /** Working directory, root, umask. When there are threads: it may be the folder of one in /proc. */
  'fs',
  /** In each thread: name, robust list, clear_child_tid, rseq, altstack ... */
  'thread',
  /** Signal actions. Barrier before: helpers and zombies are settled, so SIGCHLDs that restore caused can be flushed. */
  'signals',
  /** In each thread: queued signals. After the actions, because setting an action flushes pending signals. */
  'threadSignals',
  /** What needs every descriptor and process in place: epoll items, owners, locks, foreground group. */
  'filesLate',
  /** rlimits: after everything that they limit. */
  'limits',
  /** In each thread: credentials; afterwards privilege is gone. */
  'threadCreds',
  /** In each thread: attributes that a change of credentials resets (dumpable, pdeath signal). */
  'threadLate',
  /** Timers are armed: nothing slow may follow. */
  'arm',
] as const;
export type RestoreStep = (typeof RESTORE_STEPS)[number];
export type ThreadStep = 'thread' | 'threadSignals' | 'threadCreds' | 'threadLate';
export type ProcessStep = Exclude<RestoreStep, ThreadStep>;

/** State of a process or thread (signals, timers, credentials, ...). */
export interface TaskResource {
  /** Kebab-case, unique; shown by `criu-ts stages`. */
  readonly name: string;
  /** Before the freeze: learns what does not depend on the target (facts of the host that take long to ask). */
  prepare?(): void;
  /**
   * Before the freeze: says why this task cannot be dumped (one line each, with what to do), or nothing. Must not change the target.
   */
  preflight?(task: PreflightTask): string[];
  /**
   * Before the freeze: says what of this task a restore with our own rights could not give back (one line each, with what it takes), or nothing. That is no
   * reason to refuse: whoever restores may have other rights. It only looks at the leader.
   */
  foresee?(task: PreflightTask, own: OwnState): string[];
  /** As `foresee`, of what a restore with our rights would go on without. */
  foregone?(task: PreflightTask, own: OwnState): string[];
  /** Right after the freeze, from /proc or with plain calls, no target instruction has run. Fills task.core / thread.core / task.mm. */
  readFrozen?(task: DumpTask, run: DumpRun): void;
  /** Ops for the tracing KernelThread about one stopped thread (ptrace and pid-based calls). */
  readOutside?(p: Program, thread: DumpThread, run: DumpRun): Finish | void;
  /** Ops that the process's main thread runs inside the target: must not change its state. */
  readInside?(p: Program, task: DumpTask, run: DumpRun): Finish | void;
  /** Ops that every thread runs inside the target. */
  readThread?(p: Program, thread: DumpThread, run: DumpRun): Finish | void;
  /**
   * Restore, before anything exists: says why this task cannot be restored here (one line each: what is needed, what there is), or nothing. Checks
   * every value of the images that the ops below rely on.
   */
  plan?(task: RestoreTask, run: RestoreRun): string[];
  /** Restore: ops for the tracing KernelThread about one stopped thread, after its registers were set and before it runs. */
  release?(p: Program, thread: RestoreThread, run: RestoreRun): void;
  /** Restore: ops by step. */
  readonly process?: Partial<Record<ProcessStep, (p: Program, task: RestoreTask, run: RestoreRun) => void>>;
  readonly thread?: Partial<Record<ThreadStep, (p: Program, thread: RestoreThread, run: RestoreRun) => void>>;
}
