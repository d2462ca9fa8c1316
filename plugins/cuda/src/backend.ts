/** What the plugin needs of the CUDA driver. Three implementations: driver-backend.ts (libcuda), tool-backend.ts (cuda-checkpoint), and the fake of the tests. */

/** Of a process. `other`: a state that this code does not know; nothing is done to such a process. */
export type CudaState = 'running' | 'locked' | 'checkpointed' | 'failed' | 'checkpointing' | 'restoring' | 'other';

/** CUprocessState by number; 4 and 5 since CUDA 13.4. */
export const STATE_NAMES: readonly CudaState[] = ['running', 'locked', 'checkpointed', 'failed', 'checkpointing', 'restoring'];

export interface CudaDevice {
  /** `GPU-` and 8-4-4-4-12 hex digits, lower case. */
  readonly uuid: string;
  readonly name: string;
  /** Bytes; null when the back end cannot tell. */
  readonly totalMemory: number | null;
}

/** A device as NVML sees it. Null: the device, or the library, does not tell. */
export interface DeviceLook {
  readonly uuid: string;
  /** Bytes. */
  readonly freeMemory: number | null;
  readonly mig: boolean | null;
  readonly persistence: boolean | null;
  /** Who holds memory of it, as numbers of the pid namespace that the driver sees; bytes. */
  readonly processes: readonly { readonly pid: number; readonly bytes: number | null }[] | null;
  /** Processes that use it through MPS. */
  readonly mpsClients: readonly number[] | null;
}

/** What NVML tells, or why it could not be asked. */
export type DevicesLook = { readonly devices: readonly DeviceLook[] } | { readonly unseen: string };

export interface BackendInfo {
  readonly kind: 'driver' | 'tool' | 'fake';
  /** CUDA version of the driver, 13000 for 13.0; null when only the kernel module's version is known. */
  readonly cudaVersion: number | null;
  /** Of the kernel module, such as 580.65.06; null when there is none. */
  readonly moduleVersion: string | null;
  /** Library or program that answers. */
  readonly path: string;
}

/** Old and new UUID of a device. */
export type GpuPair = readonly [old: string, now: string];

/** What is left of a back end when it is closed. */
export interface AbandonedCall {
  readonly pid: number;
  readonly action: string;
  /** Process that still waits for the driver. */
  readonly helper: number | undefined;
}

/**
 * Calls on different processes may run at once; on one process, one after the other. Every call ends: with an answer, with a CudaCallError, or, after its
 * deadline, with one that is `lost`.
 */
export interface CudaBackend {
  readonly info: BackendInfo;
  /** In the order of the driver, without regard to CUDA_VISIBLE_DEVICES. */
  devices(): Promise<readonly CudaDevice[]>;
  /** Free memory in bytes by UUID; empty when the back end cannot tell. Takes some device memory while it looks. */
  freeMemory(): Promise<ReadonlyMap<string, number>>;
  /** Takes no device memory. Never rejects: what cannot be looked at is an answer. */
  look(): Promise<DevicesLook>;
  /** Thread of the process that does the driver's work; null for a process that has not initialised CUDA. Answers for stopped processes too. */
  restoreThread(pid: number): Promise<number | null>;
  state(pid: number): Promise<CudaState>;
  /** Waits until the devices are done, then keeps the process from giving them more. From `running`. */
  lock(pid: number, timeoutMs: number): Promise<void>;
  /** Moves device memory into the process and lets the devices go. From `locked`; the restore thread must be able to run. */
  checkpoint(pid: number): Promise<void>;
  /** From `checkpointed` to `locked`, on the same devices or, with pairs, on others. The restore thread must be able to run. */
  restore(pid: number, pairs: readonly GpuPair[]): Promise<void>;
  unlock(pid: number): Promise<void>;
  /**
   * Ends the back end. `keep`: what was done to processes stays as it is. Otherwise, where it can, the back end takes back what is left of it: the last
   * resort when the engine could not.
   */
  close(keep: boolean): Promise<readonly AbandonedCall[]>;
}

/** Free memory by UUID: as NVML tells it, or else by freeMemory(). */
export async function freeMemoryOf(backend: CudaBackend, look: DevicesLook): Promise<ReadonlyMap<string, number>> {
  if ('unseen' in look) return backend.freeMemory();
  return new Map(look.devices.flatMap(({ uuid, freeMemory }) => (freeMemory === null ? [] : [[uuid, freeMemory] as const])));
}

/** Limits of calls in milliseconds. Locking has its own (option lockTimeout). */
export interface CallLimits {
  /** Attaching to the driver: seconds on a host with many devices. */
  readonly attachMs: number;
  /** Questions. */
  readonly askMs: number;
  /** Moving all memory of a process: 141 GB at 2 GB/s, and then some. */
  readonly moveMs: number;
  /** How much later than the driver itself we give up waiting for a lock. */
  readonly lockGraceMs: number;
}

export const CALL_LIMITS: CallLimits = { attachMs: 60_000, askMs: 10_000, moveMs: 300_000, lockGraceMs: 5_000 };
