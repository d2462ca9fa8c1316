/** The driver's own checkpoint API, called in a helper process. */
import { existsSync } from 'node:fs';
import {
  STATE_NAMES,
  type AbandonedCall,
  type BackendInfo,
  type CallLimits,
  type CudaBackend,
  type CudaDevice,
  type CudaState,
  type DevicesLook,
} from './backend.js';
import { CallingBackend, limitsOf, type CallSettings } from './calling-backend.js';
import { readDevicesLook } from './devices-look.js';
import { callFailed, callHung, CudaCallError, CudaError, type CudaAction } from './errors.js';
import { HelperGone, HelperLate, HelperProcess, type HelperAnswer } from './helper-process.js';
import { findHelper } from './helper-path.js';
import { moduleVersion } from './driver-module.js';
import { CUDA_INVALID_VALUE, CUDA_NOT_INITIALIZED, CUDA_OPERATING_SYSTEM, CUDA_SUCCESS, resultCode } from './result-codes.js';

/** CUDA 12.8 (r570) brought the API. */
const MIN_CUDA = 12_080;

interface DriverSettings extends CallSettings {
  /** Driver library for dlopen(3); libcuda.so.1 unless set. */
  readonly library?: string;
  readonly helper?: string;
}

interface DriverAnswer {
  readonly version: number;
  readonly path: string;
  readonly missing: readonly string[];
}

export class DriverBackend extends CallingBackend implements CudaBackend {
  private constructor(
    private readonly helper: HelperProcess,
    limits: CallLimits,
    info: BackendInfo,
  ) {
    super(limits, info, 0);
  }

  /** Starts the helper and attaches to the driver. @throws CudaError that says what is missing */
  static async open(settings: DriverSettings = {}): Promise<DriverBackend> {
    const limits = limitsOf(settings);
    const helper = HelperProcess.start(settings.helper ?? findHelper(), settings.library);
    try {
      const { value } = await attach(helper, 'driver', limits);
      const { version, path, missing } = value as DriverAnswer;
      requireApi(version, path, missing);
      const { code } = await attach(helper, 'init', limits);
      if (code !== CUDA_SUCCESS)
        throw new CudaError(`${path}: cuInit: ${resultCode(code).name} (${code}): ${resultCode(code).meaning}`, resultCode(code).hint);
      return new DriverBackend(helper, limits, { kind: 'driver', cudaVersion: version, moduleVersion: moduleVersion(), path });
    } catch (error) {
      await helper.close(true);
      throw error;
    }
  }

  async devices(): Promise<readonly CudaDevice[]> {
    const list = (await this.ask('devices', [])).value as readonly { uuid: string; name: string; total: number }[];
    return list.map(({ uuid, name, total }) => ({ uuid, name, totalMemory: total }));
  }

  async freeMemory(): Promise<ReadonlyMap<string, number>> {
    const devices = await this.devices();
    const free = new Map<string, number>();
    // One after the other: each makes a context.
    for (const [ordinal, { uuid }] of devices.entries()) free.set(uuid, (await this.ask('memory', [ordinal])).value as number);
    return free;
  }

  async look(): Promise<DevicesLook> {
    try {
      return readDevicesLook((await this.ask('survey', [])).value);
    } catch (error) {
      if (!(error instanceof CudaError)) throw error;
      return { unseen: error.message };
    }
  }

  async restoreThread(pid: number): Promise<number | null> {
    const { code, value } = await this.run(pid, 'find thread', 'thread', [], this.limits.askMs);
    // Both are answers for a process without CUDA; which one, differs between drivers.
    if (code === CUDA_NOT_INITIALIZED || code === CUDA_INVALID_VALUE) return null;
    // What r580 says of a process that is not there.
    if (code === CUDA_OPERATING_SYSTEM && isGone(pid)) return null;
    if (code !== CUDA_SUCCESS) throw callFailed(pid, 'find thread', code);
    return value as number;
  }

  async state(pid: number): Promise<CudaState> {
    const { code, value } = await this.run(pid, 'state', 'state', [], this.limits.askMs);
    if (code !== CUDA_SUCCESS) throw callFailed(pid, 'state', code, isGone(pid));
    return STATE_NAMES[value as number] ?? 'other';
  }

  close(keep: boolean): Promise<readonly AbandonedCall[]> {
    return this.helper.close(keep);
  }

  private async ask(operation: string, args: readonly number[]): Promise<HelperAnswer> {
    const answer = await attach(this.helper, operation, this.limits, args);
    if (answer.code === CUDA_SUCCESS) return answer;
    const { name, meaning, hint } = resultCode(answer.code);
    throw new CudaError(`${operation}: ${name} (${answer.code}): ${meaning}`, hint);
  }

  protected timeoutWords(ms: number): readonly string[] {
    return [String(ms)];
  }

  protected pairWords(pairs: readonly string[]): readonly string[] {
    return pairs;
  }

  protected async act(pid: number, action: CudaAction, words: readonly string[], ms: number): Promise<void> {
    const { code } = await this.run(pid, action, action, words, ms);
    if (code !== CUDA_SUCCESS) throw callFailed(pid, action, code, isGone(pid));
  }

  private async run(
    pid: number,
    action: CudaAction,
    operation: string,
    args: readonly (string | number)[],
    ms: number,
  ): Promise<HelperAnswer> {
    try {
      return await this.helper.call(operation, [pid, ...args], ms, pid);
    } catch (error) {
      if (error instanceof HelperLate) throw callHung(pid, action, ms, this.helper.pid);
      if (error instanceof CudaError)
        throw new CudaCallError(pid, action, undefined, error.message, error.hint, error instanceof HelperGone);
      throw error;
    }
  }
}

function isGone(pid: number): boolean {
  return !existsSync(`/proc/${pid}`);
}

/** A call about no process. */
async function attach(helper: HelperProcess, operation: string, limits: CallLimits, args: readonly number[] = []): Promise<HelperAnswer> {
  try {
    return await helper.call(operation, args, limits.attachMs);
  } catch (error) {
    if (!(error instanceof HelperLate)) throw error;
    throw new CudaError(
      `the CUDA driver did not answer "${operation}" within ${limits.attachMs} ms; its helper (pid ${helper.pid ?? 'none'}) is left alone`,
      'Look whether `nvidia-smi` answers; persistence mode (nvidia-persistenced) makes attaching fast.',
    );
  }
}

function requireApi(version: number, path: string, missing: readonly string[]): void {
  const found = `${path} speaks CUDA ${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
  if (version < MIN_CUDA) {
    throw new CudaError(
      `${found}, which has no checkpoint API: CUDA 12.8 (driver r570) is the first`,
      "Install a newer driver, or NVIDIA's cuda-checkpoint tool (drivers since r555).",
    );
  }
  const needed = missing.filter((name) => name.startsWith('cuCheckpointProcess'));
  if (needed.length > 0)
    throw new CudaError(`${found}, but lacks ${needed.join(', ')}`, 'Look whether the library belongs to the loaded driver.');
}
