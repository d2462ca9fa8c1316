/** The plugin in one dump: nothing is started before a process looks as if it used CUDA. */
import type { PluginHost, Retry, RunningTree, StoppedTree, Touched } from '@criu-ts/plugin-sdk';
import type { CudaBackend, CudaDevice, DevicesLook } from './backend.js';
import { openBackend } from './choose-backend.js';
import { candidates, newcomers } from './discover.js';
import { DumpStates } from './dump-states.js';
import { CudaError } from './errors.js';
import { anonymousMemory, availableMemory } from './host-memory.js';
import { holdsDevices } from './leftovers.js';
import { backendChoice, type CudaOptions } from './options.js';
import { findingText } from './finding.js';
import { treeFindings } from './host-findings.js';
import { hostMemoryFindings } from './memory-findings.js';
import { makeRecord } from './record.js';
import type { RecordedTask } from './restore-states.js';
import type { Wake } from './task.js';

/** Wakes threads through the host. */
export function wakeOf({ tasks }: StoppedTree): Wake {
  const byPid = new Map(tasks.map((task) => [task.pid, task]));
  return ({ pid, tid }, body) => {
    const task = byPid.get(pid);
    return task === undefined ? Promise.reject(new Error(`process ${pid} is no part of the tree any more`)) : task.runThread(tid, body);
  };
}

export class DumpRun {
  private backend: CudaBackend | undefined;
  private states: DumpStates | undefined;
  /** Asked for while the tree runs. */
  private devices: readonly CudaDevice[] = [];
  private look: DevicesLook = { unseen: 'no process uses CUDA' };

  constructor(
    private readonly host: PluginHost,
    private readonly options: CudaOptions,
  ) {}

  /** Locks every process that uses CUDA. */
  async pause(tree: RunningTree): Promise<void> {
    const pids = candidates(tree, this.options);
    if (pids.length === 0 || !(await this.start(pids))) return;
    await this.states?.pause(pids);
    this.warn();
  }

  /** Moves device memory into the processes, and tells whose it was. */
  async checkpoint(tree: StoppedTree): Promise<readonly Touched[] | Retry | undefined> {
    const { backend, states } = this;
    if (backend === undefined || states === undefined) return newcomers(tree, this.options);
    const pids = candidates(tree, this.options);
    const before = new Map(states.found.map(({ pid }) => [pid, anonymousMemory(pid)]));
    const retry = await states.checkpoint(pids, wakeOf(tree));
    if (retry !== undefined) return { retry };
    const tasks = states.found.map(({ pid, initial }): RecordedTask => ({
      pid,
      initial: initial as RecordedTask['initial'],
      movedBytes: initial === 'checkpointed' ? null : grown(before.get(pid), anonymousMemory(pid)),
      ...deviceBytes(this.look, pid),
    }));
    if (tasks.length === 0) return undefined;
    for (const [key, value] of Object.entries(makeRecord(backend.info, this.devices, tasks))) this.host.fact(key, value);
    return tasks.map(({ pid }) => ({ pid, what: 'CUDA state' }));
  }

  async resume(tree: StoppedTree): Promise<void> {
    await this.states?.resume(wakeOf(tree));
  }

  async close(keep: boolean): Promise<void> {
    const lost = (await this.backend?.close(keep)) ?? [];
    for (const { pid, action, helper } of lost)
      this.host.log.error(
        `the driver never answered "${action}" for pid ${pid}; process ${helper ?? 'unknown'} waits on for it and must not be killed`,
      );
  }

  /** False when there is no way to the driver, and nobody in the tree needs one. */
  private async start(pids: readonly number[]): Promise<boolean> {
    try {
      this.backend ??= await openBackend(backendChoice(this.options));
      [this.devices, this.look] = await Promise.all([this.backend.devices(), this.backend.look()]);
    } catch (error) {
      // Many programs load the library and use no device.
      if (!(error instanceof CudaError) || this.options.discover === 'ask' || pids.some(holdsDevices)) throw error;
      this.host.log.warn(
        `pid ${pids.join(', ')} has the CUDA library loaded and no device open; taken for a process without CUDA, because there is ${error.message}`,
      );
      return false;
    }
    this.states ??= new DumpStates(this.backend, { lockTimeoutMs: this.options.lockTimeout, moveLimit: this.options.parallel });
    return true;
  }

  private warn(): void {
    const pids = this.states?.found.map(({ pid }) => pid) ?? [];
    if (pids.length === 0) return;
    const findings = [
      ...treeFindings(this.look, pids),
      ...hostMemoryFindings(this.devices, this.heldMemory(pids), availableMemory(pids[0] as number)),
    ];
    for (const finding of findings) this.host.log.warn(findingText(finding));
    if ('unseen' in this.look)
      this.host.log.info(`NVML was not asked (${this.look.unseen}): MIG, MPS and memory by device could not be looked at`);
  }

  /** Free memory as if only the tree had any: without NVML all of every device may be its. */
  private heldMemory(pids: readonly number[]): Map<string, number> {
    const of = (uuid: string) => pids.reduce<number | null>((sum, pid) => plus(sum, deviceBytes(this.look, pid).deviceBytes?.[uuid]), 0);
    return new Map(this.devices.map(({ uuid, totalMemory }) => [uuid, Math.max(0, (totalMemory ?? 0) - (of(uuid) ?? totalMemory ?? 0))]));
  }
}

function plus(sum: number | null, bytes: number | undefined): number | null {
  return sum === null || bytes === undefined ? null : sum + bytes;
}

/** What NVML says a process holds of each device; nothing when it does not know the process by this number, or not how much. */
function deviceBytes(look: DevicesLook, pid: number): { readonly deviceBytes?: Readonly<Record<string, number>> } {
  if ('unseen' in look) return {};
  const held = look.devices.map(({ uuid, processes }) => ({ uuid, found: processes?.find((one) => one.pid === pid) }));
  if (held.every(({ found }) => found === undefined) || held.some(({ found }) => found?.bytes === null)) return {};
  return { deviceBytes: Object.fromEntries(held.map(({ uuid, found }) => [uuid, found?.bytes ?? 0])) };
}

function grown(before: number | null | undefined, after: number | null): number | null {
  return before === null || before === undefined || after === null ? null : Math.max(0, after - before);
}
