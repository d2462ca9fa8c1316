/** Runs the stages of one operation in order: hooks, times, log, and on failure the `failed` hooks in reverse order of what succeeded. */
import { nowMs } from './clock.js';
import { aborted } from './errors.js';
import type { Hooks } from './hooks.js';
import type { Log } from './log.js';
import type { ProgressEvent } from './options.js';
import { STAGES, type Operation, type StageName } from './stages.js';

/** The loop gets a turn at the first border after this many milliseconds. */
const TURN_MS = 10;

export interface StageRunnerOptions {
  readonly hooks: Hooks;
  readonly log: Log;
  readonly pid: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined;
}

export class StageRunner<O extends Operation> {
  private readonly begun: string[] = [];
  private lastTurn = nowMs();
  /** Milliseconds by stage. */
  readonly times = new Map<string, number>();
  pid: number;

  constructor(
    private readonly operation: O,
    private readonly options: StageRunnerOptions,
  ) {
    this.pid = options.pid;
  }

  /** Runs one stage. An abort is noticed here, at the border, where the undo is known. */
  async run<T>(name: StageName<O>, body: () => T | Promise<T>): Promise<T> {
    // From the final stages on there is nothing to go back to.
    if (this.targetIn(name) !== 'final') await this.checkAbort(`before stage ${name}`);
    const hooks = this.options.hooks.tapped(this.operation, name);
    const context = { operation: this.operation, stage: name, pid: this.pid };
    if (!this.begun.includes(name)) this.begun.push(name);
    this.options.onProgress?.({ stage: name });
    const start = nowMs();
    if (hooks) await this.unlessAborted(name, () => hooks.before.promise(context));
    const result = await body();
    if (hooks) await this.unlessAborted(name, () => hooks.after.promise(context));
    const ms = nowMs() - start;
    this.times.set(name, (this.times.get(name) ?? 0) + ms);
    this.options.log.debug(`Stage ${name} took ${ms.toFixed(2)} ms`);
    return result;
  }

  /** A hook of a plugin may wait for something that never comes: an abort ends the waiting. (What the hook does goes on, and no longer matters.) */
  private async unlessAborted(name: StageName<O>, hook: () => Promise<void>): Promise<void> {
    const { signal } = this.options;
    if (signal === undefined || this.targetIn(name) === 'final') return hook();
    await this.checkAbort(`before a hook of stage ${name}`);
    let stop: (() => void) | undefined;
    const abort = new Promise<void>((resolve) => {
      stop = resolve;
      signal.addEventListener('abort', stop, { once: true });
    });
    try {
      await Promise.race([hook(), abort]);
    } finally {
      if (stop) signal.removeEventListener('abort', stop);
    }
    await this.checkAbort(`in a hook of stage ${name}`);
  }

  /**
   * The stages work synchronously, so that signal handlers and timers of the caller would first run when everything is over: without this turn of
   * the event loop nobody could abort. It costs some 0.1 ms while the code is cold, so a run of short stages shares one.
   */
  async checkAbort(where: string): Promise<void> {
    const { signal } = this.options;
    if (signal === undefined) return;
    if (nowMs() - this.lastTurn > TURN_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      this.lastTurn = nowMs();
    }
    if (!signal.aborted) return;
    throw aborted(signal.reason, where, this.operation === 'restore' ? 'destroyed' : 'running');
  }

  /** Reports how far a stage is. */
  progress(stage: StageName<O>, done: number, total: number): void {
    this.options.onProgress?.({ stage, done, total });
  }

  /** Tells everybody who took part that the operation failed, last first, and once. A hook that fails here is logged and does not hide the cause. */
  async failed(): Promise<void> {
    for (const name of this.begun.splice(0).reverse()) {
      const hooks = this.options.hooks.tapped(this.operation, name);
      if (!hooks) continue;
      try {
        await hooks.failed.promise({ operation: this.operation, stage: name, pid: this.pid });
      } catch (error) {
        this.options.log.error(`A failed-hook of stage ${name} threw: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  /** State of the target in stage `name`, for errors. */
  private targetIn(name: string): string {
    const table: Readonly<Record<string, { target: string }>> = STAGES[this.operation];
    return table[name]?.target ?? 'running';
  }
}
