/** What a restore does to the processes that use CUDA: all are stopped, all get their devices back, and only then may any of them use one. */
import type { CudaBackend, CudaState, GpuPair } from './backend.js';
import { eachAtOnce } from './at-once.js';
import { CudaError, together } from './errors.js';
import { restoreThreads } from './find-tasks.js';
import { isInJob } from './job.js';
import { CudaTask, type Wake } from './task.js';

/** `asBefore`: what each process was in when the dump met it. */
export type FinalState = 'running' | 'asBefore' | 'checkpointed';

/** A process that had CUDA state at the dump. */
export interface RecordedTask {
  readonly pid: number;
  readonly initial: 'running' | 'locked' | 'checkpointed';
  /** Bytes of device memory that the dump moved into it; null when that is not known. */
  readonly movedBytes: number | null;
  /** Bytes on each device by UUID, as NVML told them before the lock; absent when it did not. */
  readonly deviceBytes?: Readonly<Record<string, number>>;
}

export interface RestoreSettings {
  readonly final: FinalState;
  /** In the order of the dump; null when the dump did not record it (CRIU does not). */
  readonly recorded: readonly RecordedTask[] | null;
  readonly pairs: readonly GpuPair[];
  /** Processes whose memory moves at once. */
  readonly moveLimit: number;
}

/** Gives the tree its devices back. Precondition: everything is stopped. @throws CudaError that tells every failure */
export async function resumeRestored(backend: CudaBackend, pids: readonly number[], wake: Wake, settings: RestoreSettings): Promise<void> {
  const tasks = await findRestored(backend, pids, settings.recorded);
  const limit = tasks.some(({ inJob }) => inJob) ? 1 : settings.moveLimit;
  const wanted = (task: CudaTask) => finalOf(task.pid, settings);
  const ups = tasks.filter((task) => wanted(task) !== 'checkpointed');
  const moved = await eachAtOnce(ups, { limit, afterFailure: 'stop' }, async (task) => {
    await meet(task, wake, backend);
    if (task.at === 'checkpointed') await task.restore(wake, settings.pairs);
  });
  if (moved.length > 0) throw together('the restored processes did not get their devices back', moved);
  const runs = tasks.filter((task) => wanted(task) === 'running' && task.at === 'locked');
  const freed = await eachAtOnce(runs, { limit, afterFailure: 'stop' }, (task) => task.unlock(wake));
  if (freed.length > 0) throw together('the restored processes cannot go on with CUDA', freed);
}

function finalOf(pid: number, { final, recorded }: RestoreSettings): CudaState {
  if (final !== 'asBefore') return final;
  return recorded?.find((task) => task.pid === pid)?.initial ?? 'running';
}

async function findRestored(backend: CudaBackend, pids: readonly number[], recorded: readonly RecordedTask[] | null): Promise<CudaTask[]> {
  const first = (recorded ?? []).map(({ pid }) => pid);
  const strange = first.filter((pid) => !pids.includes(pid));
  // Whatever a record says: nothing is done to a process that is not part of the restored tree.
  if (strange.length > 0)
    throw new CudaError(
      `the record of the checkpoint names pid ${strange.join(', ')}, which is not in the tree`,
      'Dump again: plugins.json is damaged.',
    );
  const order = [...first, ...pids.filter((pid) => !first.includes(pid))];
  const threads = await restoreThreads(backend, order);
  const without = first.filter((pid) => !threads.has(pid));
  if (without.length > 0) {
    throw new CudaError(
      `pid ${without.join(', ')} had CUDA state at the dump, but the driver does not find it in the restored process`,
      'Look whether this driver is older than the one of the dump.',
    );
  }
  const found = order.filter((pid) => threads.has(pid));
  return found.map((pid) => new CudaTask(backend, pid, threads.get(pid) as number, 'checkpointed', isInJob(pid)));
}

/** Asks what the process is really in: it is another host, and perhaps another driver. */
async function meet(task: CudaTask, wake: Wake, backend: CudaBackend): Promise<void> {
  const state = await wake(task, () => backend.state(task.pid));
  if (state !== 'checkpointed' && state !== 'locked' && state !== 'running')
    throw new CudaError(`pid ${task.pid}: its CUDA state is "${state}" after the restore`, 'The driver cannot correct that.');
  task.at = state;
}
