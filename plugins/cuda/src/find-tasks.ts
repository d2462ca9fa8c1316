/** Asks the driver which processes have CUDA state, and which. */
import { readFileSync } from 'node:fs';
import type { CudaBackend, CudaState } from './backend.js';
import { CudaError, together } from './errors.js';
import { eachAtOnce } from './at-once.js';
import { isInJob } from './job.js';
import { CudaTask } from './task.js';

/** Questions at once: each costs a thread of the helper or a run of the tool. */
const ASK_LIMIT = 16;

/** Restore threads by process; a process without CUDA has none. Works on stopped processes too. @throws CudaError */
export async function restoreThreads(backend: CudaBackend, pids: readonly number[]): Promise<Map<number, number>> {
  const threads = new Map<number, number>();
  const failures = await eachAtOnce(pids, { limit: ASK_LIMIT, afterFailure: 'stop' }, async (pid) => {
    const tid = await backend.restoreThread(pid);
    if (tid !== null) threads.set(pid, tid);
  });
  if (failures.length > 0) throw together('processes could not be asked for CUDA state', failures);
  return threads;
}

/** States from which a dump can go on. */
const USABLE: readonly CudaState[] = ['running', 'locked', 'checkpointed'];

/** Processes with CUDA state, in the order of `pids`. All of them must run. @throws CudaError also for a state that a dump cannot go on from */
export async function findTasks(backend: CudaBackend, pids: readonly number[]): Promise<CudaTask[]> {
  const threads = await restoreThreads(backend, pids);
  for (const [pid, tid] of threads) if (isStopped(pid, tid)) throw stopped(pid);
  const found: CudaTask[] = [];
  // All before any is locked: even a question can hang while a peer of the process is locked.
  const failures = await eachAtOnce([...threads.keys()], { limit: ASK_LIMIT, afterFailure: 'stop' }, async (pid) => {
    const state = await backend.state(pid);
    if (!USABLE.includes(state)) throw unusable(pid, state);
    found.push(new CudaTask(backend, pid, threads.get(pid) as number, state, isInJob(pid)));
  });
  if (failures.length > 0) throw together('processes cannot be checkpointed with their CUDA state', failures);
  return found.sort((a, b) => pids.indexOf(a.pid) - pids.indexOf(b.pid));
}

/** By a signal or job control (proc_pid_stat(5)). The driver would wait for it whatever time limit it was given (hardware.md, sigstop). */
function isStopped(pid: number, tid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).startsWith('T');
  } catch {
    // It has ended: the driver tells.
    return false;
  }
}

function stopped(pid: number): CudaError {
  return new CudaError(
    `pid ${pid} uses CUDA and is stopped (SIGSTOP, or job control): the driver cannot pause it`,
    `Let it run (kill -CONT ${pid}) for the dump.`,
  );
}

function unusable(pid: number, state: CudaState): CudaError {
  const hints: Partial<Record<CudaState, string>> = {
    failed: 'An earlier checkpoint or restore failed; the driver cannot correct that. End the process.',
    checkpointing: 'Somebody else checkpoints it right now: wait, and try again.',
    restoring: 'Somebody else restores it right now: wait, and try again.',
  };
  return new CudaError(
    `pid ${pid}: its CUDA state is "${state}"`,
    hints[state] ?? 'The driver is newer than this plugin: look for a newer plugin.',
  );
}
