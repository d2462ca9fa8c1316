/** What the back ends share that speak to a driver from outside: which call may take how long. How a call is made is their own. */
import { CALL_LIMITS, type BackendInfo, type CallLimits, type GpuPair } from './backend.js';
import type { CudaAction } from './errors.js';

export interface CallSettings {
  readonly limits?: Partial<CallLimits>;
}

export function limitsOf({ limits }: CallSettings): CallLimits {
  return { ...CALL_LIMITS, ...limits };
}

export abstract class CallingBackend {
  /** `overheadMs`: what a call takes besides the driver's own work on the process. */
  protected constructor(
    protected readonly limits: CallLimits,
    readonly info: BackendInfo,
    private readonly overheadMs: number,
  ) {}

  async lock(pid: number, timeoutMs: number): Promise<void> {
    await this.act(pid, 'lock', this.timeoutWords(timeoutMs), timeoutMs + this.overheadMs + this.limits.lockGraceMs);
  }

  async checkpoint(pid: number): Promise<void> {
    await this.act(pid, 'checkpoint', [], this.limits.moveMs);
  }

  async restore(pid: number, pairs: readonly GpuPair[]): Promise<void> {
    const texts = pairs.map(([old, now]) => `${old}=${now}`);
    await this.act(pid, 'restore', this.pairWords(texts), this.limits.moveMs);
  }

  async unlock(pid: number): Promise<void> {
    await this.act(pid, 'unlock', [], this.questionMs);
  }

  /** For what moves no memory and waits for no work. */
  protected get questionMs(): number {
    return Math.max(this.limits.askMs, this.overheadMs);
  }

  protected abstract timeoutWords(ms: number): readonly string[];
  /** `pairs`: OLD=NEW. */
  protected abstract pairWords(pairs: readonly string[]): readonly string[];
  /** Makes a call that changes the state of a process. @throws CudaCallError unless it worked */
  protected abstract act(pid: number, action: CudaAction, words: readonly string[], ms: number): Promise<void>;
}
