/** A CUDA driver in memory: the states and answers of the real one (gpu.md A.1), with faults on demand. */
import type {
  AbandonedCall,
  BackendInfo,
  CudaBackend,
  CudaDevice,
  CudaState,
  DevicesLook,
  GpuPair,
} from '../../../plugins/cuda/src/backend.js';
import { callFailed, callHung, type CudaAction } from '../../../plugins/cuda/src/errors.js';

export interface FakeProcess {
  state: CudaState;
  /** Null: the process has not initialised CUDA. */
  tid: number | null;
  /** Whether its restore thread can run: the driver waits for it, for ever. */
  awake: boolean;
  /** Milliseconds of work on the device that a lock must wait for. */
  workMs: number;
}

/** What the next call of that kind on that process does instead of what it should. */
type Fault = number | 'hang' | 'lie';

const FROM: Partial<Record<CudaAction, readonly [from: CudaState, to: CudaState]>> = {
  lock: ['running', 'locked'],
  checkpoint: ['locked', 'checkpointed'],
  restore: ['checkpointed', 'locked'],
  unlock: ['locked', 'running'],
};

/** How long a call hangs before it is given up, in milliseconds. */
const HANG_MS = 20;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class FakeBackend implements CudaBackend {
  readonly info: BackendInfo = { kind: 'fake', cudaVersion: 13_000, moduleVersion: '580.0', path: 'memory' };
  readonly processes = new Map<number, FakeProcess>();
  /** Every call on a process, in order: `lock 10`. */
  readonly calls: string[] = [];
  readonly faults = new Map<string, Fault>();
  /** Most calls that change something which were under way at once. */
  peak = 0;
  closed = false;
  gpus: CudaDevice[] = [{ uuid: uuid(1), name: 'Fake A', totalMemory: 1 << 30 }];
  seen: DevicesLook = { unseen: 'nobody is there' };
  private readonly lost: AbandonedCall[] = [];
  private active = 0;

  add(pid: number, state: CudaState = 'running', tid: number | null = pid + 1): FakeProcess {
    const process: FakeProcess = { state, tid, awake: true, workMs: 0 };
    this.processes.set(pid, process);
    return process;
  }

  /** The next such call on the process goes wrong. */
  fail(action: CudaAction, pid: number, fault: Fault): void {
    this.faults.set(`${action} ${pid}`, fault);
  }

  devices(): Promise<readonly CudaDevice[]> {
    return Promise.resolve(this.gpus);
  }

  freeMemory(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(new Map(this.gpus.map(({ uuid: id, totalMemory }) => [id, totalMemory ?? 0])));
  }

  look(): Promise<DevicesLook> {
    return Promise.resolve(this.seen);
  }

  async restoreThread(pid: number): Promise<number | null> {
    await this.meet('find thread', pid);
    return this.processes.get(pid)?.tid ?? null;
  }

  async state(pid: number): Promise<CudaState> {
    await this.meet('state', pid);
    const process = this.of('state', pid);
    await this.needThread('state', pid, process);
    return process.state;
  }

  async lock(pid: number, timeoutMs: number): Promise<void> {
    await this.change('lock', pid, async (process) => {
      // The time is counted by the driver in the caller: it fires for a thread that cannot run, too.
      if (!process.awake || process.workMs > timeoutMs) throw callFailed(pid, 'lock', 600);
      await sleep(process.workMs);
    });
  }

  async checkpoint(pid: number): Promise<void> {
    await this.change('checkpoint', pid, (process) => this.needThread('checkpoint', pid, process));
  }

  async restore(pid: number, pairs: readonly GpuPair[]): Promise<void> {
    await this.change('restore', pid, (process) => this.needThread('restore', pid, process));
    if (pairs.length > 0) this.calls.push(`map ${pid} ${pairs.map((pair) => pair.join('=')).join(',')}`);
  }

  async unlock(pid: number): Promise<void> {
    await this.change('unlock', pid, (process) => this.needThread('unlock', pid, process));
  }

  close(): Promise<readonly AbandonedCall[]> {
    this.closed = true;
    return Promise.resolve(this.lost);
  }

  private of(action: CudaAction, pid: number): FakeProcess {
    const process = this.processes.get(pid);
    if (process === undefined || process.tid === null) throw callFailed(pid, action, 3);
    return process;
  }

  private async meet(action: CudaAction, pid: number): Promise<Fault | undefined> {
    this.calls.push(`${action} ${pid}`);
    const fault = this.faults.get(`${action} ${pid}`);
    this.faults.delete(`${action} ${pid}`);
    await sleep(0);
    if (fault === 'hang') await this.hang(action, pid);
    if (typeof fault === 'number') throw callFailed(pid, action, fault);
    return fault;
  }

  private async hang(action: CudaAction, pid: number): Promise<never> {
    this.lost.push({ pid, action, helper: undefined });
    await sleep(HANG_MS);
    throw callHung(pid, action, HANG_MS, undefined);
  }

  private async needThread(action: CudaAction, pid: number, process: FakeProcess): Promise<void> {
    if (!process.awake) await this.hang(action, pid);
  }

  private async change(action: CudaAction, pid: number, work: (process: FakeProcess) => Promise<void>): Promise<void> {
    this.peak = Math.max(this.peak, ++this.active);
    try {
      const fault = await this.meet(action, pid);
      const process = this.of(action, pid);
      const [from, to] = FROM[action] as readonly [CudaState, CudaState];
      if (process.state !== from) throw callFailed(pid, action, 401);
      await work(process);
      process.state = to;
      // The call worked and yet says that it did not.
      if (fault === 'lie') throw callFailed(pid, action, 999);
    } finally {
      this.active--;
    }
  }
}

/** A UUID that is easy to tell from others. */
export function uuid(n: number): string {
  return `GPU-00000000-0000-0000-0000-${String(n).padStart(12, '0')}`;
}
