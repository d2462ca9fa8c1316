/**
 * What a dump does to the processes that use CUDA, in the order that the driver demands: all are found while they run, all are locked while they run (one that is stopped
 * could hold up another that is still to be locked), the engine stops the tree, newcomers are looked for, all are checkpointed one thread each. And back, whatever
 * happened on the way.
 */
import type { CudaBackend } from './backend.js';
import { eachAtOnce } from './at-once.js';
import { CudaError, together } from './errors.js';
import { findTasks, restoreThreads } from './find-tasks.js';
import { ALREADY_RUNNING, type CudaTask, type Wake } from './task.js';

export interface DumpSettings {
  readonly lockTimeoutMs: number;
  /** Processes whose memory moves at once. */
  readonly moveLimit: number;
}

export class DumpStates {
  private tasks: CudaTask[] = [];
  /** Calls go one after the other: the engine may give up waiting for one (Ctrl-C, a deadline) and ask for the next, but the driver goes on with it. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly backend: CudaBackend,
    private readonly settings: DumpSettings,
  ) {}

  /** Processes with CUDA state, in the order in which they are moved. */
  get found(): readonly CudaTask[] {
    return this.tasks;
  }

  /** Finds and locks. Preconditions: everything runs. Postcondition when it throws: every process is in the state that it was met in, or is named. */
  pause(pids: readonly number[]): Promise<void> {
    return this.next(() => this.findAndLock(pids));
  }

  /**
   * Moves device memory into the processes. Precondition: everything is stopped. Answers why the tree must run again before it can be dumped, when CUDA came to it
   * between pause() and the stop; nothing is locked then. When it throws, resume() is due.
   */
  checkpoint(pids: readonly number[], wake: Wake): Promise<string | undefined> {
    return this.next(() => this.rescanAndMove(pids, wake));
  }

  /** Gives every process back the state that it was met in. Tries all, then throws what failed. */
  resume(wake: Wake): Promise<void> {
    return this.next(async () => {
      const failures = await this.undo(wake);
      if (failures.length > 0) throw together('the tree goes on, but its CUDA state is not what it was', failures);
    });
  }

  private next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private async findAndLock(pids: readonly number[]): Promise<void> {
    this.tasks = await findTasks(this.backend, pids);
    const running = this.tasks.filter(({ at }) => at === 'running');
    const failures = await eachAtOnce(running, { limit: this.limit(running.length), afterFailure: 'stop' }, (task) =>
      task.lock(this.settings.lockTimeoutMs),
    );
    if (failures.length === 0) return;
    throw together('the CUDA work of the tree could not be paused', [...failures, ...(await this.undo(ALREADY_RUNNING))]);
  }

  private async rescanAndMove(pids: readonly number[], wake: Wake): Promise<string | undefined> {
    const change = await this.whatChanged(pids);
    if (change !== undefined) {
      const failures = await this.undo(wake);
      if (failures.length > 0) throw together(`${change}, and the CUDA work could not be let go on`, failures);
      return change;
    }
    const locked = this.tasks.filter(({ at }) => at === 'locked');
    const limit = this.limit(this.settings.moveLimit);
    const failures = await eachAtOnce(locked, { limit, afterFailure: 'stop' }, (task) => task.checkpoint(wake));
    if (failures.length > 0) throw together('device memory could not be moved into the processes', failures);
    return undefined;
  }

  private async whatChanged(pids: readonly number[]): Promise<string | undefined> {
    const known = new Map(this.tasks.map(({ pid, tid }) => [pid, tid]));
    const now = await restoreThreads(this.backend, pids);
    // A process that ended, or became another program, took its CUDA state along.
    this.tasks = this.tasks.filter(({ pid, tid }) => now.get(pid) === tid);
    for (const [pid, tid] of now) {
      if (!known.has(pid)) return `pid ${pid} began to use CUDA after the pause`;
      if (known.get(pid) !== tid) return `pid ${pid} began anew with CUDA after the pause`;
    }
    return undefined;
  }

  /** Failures, each of a process that is not what it was. */
  private async undo(wake: Wake): Promise<CudaError[]> {
    const inJob = this.tasks.some((task) => task.inJob);
    // Last moved first; the members of a job go in the same order as they came.
    const order = inJob ? this.tasks : [...this.tasks].reverse();
    const failures = await eachAtOnce(order, { limit: this.limit(this.settings.moveLimit), afterFailure: 'go on' }, (task) =>
      backToInitial(task, wake),
    );
    this.tasks = [];
    return failures;
  }

  /** Members of a job go one by one. */
  private limit(atOnce: number): number {
    return this.tasks.some(({ inJob }) => inJob) ? 1 : Math.max(1, atOnce);
  }
}

async function backToInitial(task: CudaTask, wake: Wake): Promise<void> {
  await task.settle(wake);
  if (task.at === task.initial) return;
  if (task.at === 'checkpointed') await task.restore(wake, []);
  if (task.at === 'locked' && task.initial === 'running') await task.unlock(wake);
  // What is left is a state that no call leads out of.
  if (task.at !== task.initial)
    throw new CudaError(
      `pid ${task.pid}: its CUDA state is "${task.at}", it was "${task.initial}"`,
      'The driver cannot correct that: end the process.',
    );
}
