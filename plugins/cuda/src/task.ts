/** A process that uses CUDA, and the calls on it, with what is known about its state after each. */
import type { CudaBackend, CudaState, GpuPair } from './backend.js';
import { CudaCallError, type CudaAction } from './errors.js';

/**
 * Lets the restore thread of a process work while `body` waits for the driver. In a stopped tree the host does that (only this thread runs); in a running one
 * there is nothing to do.
 */
export type Wake = <T>(task: { readonly pid: number; readonly tid: number }, body: () => Promise<T>) => Promise<T>;

export const ALREADY_RUNNING: Wake = (_task, body) => body();

export class CudaTask {
  /** What the process is in now, as far as its calls tell. */
  at: CudaState;
  /** The last call failed: `at` must be asked for before anything else is done. */
  private doubtful = false;
  /** Why nothing may be called any more. */
  private lost: CudaCallError | undefined;

  constructor(
    private readonly backend: CudaBackend,
    readonly pid: number,
    /** Thread that does the driver's work. */
    readonly tid: number,
    /** What the process was in when we met it. */
    readonly initial: CudaState,
    readonly inJob: boolean,
  ) {
    this.at = initial;
  }

  async lock(timeoutMs: number): Promise<void> {
    await this.step('lock', 'locked', ALREADY_RUNNING, () => this.backend.lock(this.pid, timeoutMs));
  }

  async checkpoint(wake: Wake): Promise<void> {
    await this.step('checkpoint', 'checkpointed', wake, () => this.backend.checkpoint(this.pid));
  }

  async restore(wake: Wake, pairs: readonly GpuPair[]): Promise<void> {
    await this.step('restore', 'locked', wake, () => this.backend.restore(this.pid, pairs));
  }

  async unlock(wake: Wake): Promise<void> {
    await this.step('unlock', 'running', wake, () => this.backend.unlock(this.pid));
  }

  /** Asks, when the last call left doubt. */
  async settle(wake: Wake): Promise<void> {
    if (this.lost !== undefined) throw this.gaveUp(this.lost);
    if (!this.doubtful) return;
    this.at = await this.guarded('state', wake, () => this.backend.state(this.pid));
    this.doubtful = false;
  }

  private async step(action: CudaAction, after: CudaState, wake: Wake, call: () => Promise<void>): Promise<void> {
    if (this.lost !== undefined) throw this.gaveUp(this.lost);
    await this.guarded(action, wake, call);
    this.at = after;
  }

  private async guarded<T>(action: CudaAction, wake: Wake, call: () => Promise<T>): Promise<T> {
    try {
      return await wake(this, call);
    } catch (error) {
      // The host says the rest: the thread ended, or could not be let run.
      const known =
        error instanceof CudaCallError
          ? error
          : new CudaCallError(
              this.pid,
              action,
              undefined,
              error instanceof Error ? error.message : String(error),
              'Look at the log.',
              true,
            );
      this.doubtful = true;
      if (known.lost) this.lost = known;
      throw known;
    }
  }

  private gaveUp(why: CudaCallError): CudaCallError {
    return new CudaCallError(
      this.pid,
      why.action,
      why.code,
      'left as it is after that failure: another call could hang or do harm',
      why.hint,
      true,
    );
  }
}
