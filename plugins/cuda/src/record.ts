/** What a checkpoint with CUDA state records beside the images, and reads back: the host keeps it in plugins.json. */
import type { BackendInfo, CudaDevice } from './backend.js';
import { isUuid, normalUuid } from './device-map.js';
import { CudaError } from './errors.js';
import type { RecordedTask } from './restore-states.js';

/** Facts for plugins.json. Sizes in bytes. */
export interface CudaRecord {
  readonly backend: BackendInfo['kind'];
  /** 13000 for CUDA 13.0; null when it was not known. */
  readonly cudaVersion: number | null;
  /** Kernel module, such as 580.65.06. */
  readonly moduleVersion: string | null;
  /** In the order of the driver. */
  readonly devices: readonly CudaDevice[];
  /** In the order in which they were moved. */
  readonly tasks: readonly RecordedTask[];
}

const MAX_DEVICES = 256;
const MAX_TASKS = 100_000;
const MAX_TEXT = 256;

export function makeRecord(info: BackendInfo, devices: readonly CudaDevice[], tasks: readonly RecordedTask[]): CudaRecord {
  return {
    backend: info.kind,
    cudaVersion: info.cudaVersion,
    moduleVersion: info.moduleVersion,
    devices,
    tasks,
  };
}

function bad(what: string): CudaError {
  return new CudaError(
    `the record of the CUDA plugin in plugins.json is damaged: ${what}`,
    'Dump again, or take plugins.json away: the images alone can be restored on the same devices.',
  );
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string' || value.length > MAX_TEXT) throw bad(`${what} is no short text`);
  return value;
}

function size(value: unknown, what: string): number | null {
  if (value !== null && !(Number.isSafeInteger(value) && (value as number) >= 0)) throw bad(`${what} is no size`);
  return value as number | null;
}

function items(value: unknown, what: string, most: number): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value) || value.length > most || value.some((item) => typeof item !== 'object' || item === null))
    throw bad(`${what} is no list of objects`);
  return value as readonly Readonly<Record<string, unknown>>[];
}

function device(value: Readonly<Record<string, unknown>>): CudaDevice {
  const uuid = text(value.uuid, 'the UUID of a device');
  if (!isUuid(uuid)) throw bad(`"${uuid.slice(0, 50)}" is no UUID`);
  return {
    uuid: normalUuid(uuid),
    name: text(value.name, 'the name of a device'),
    totalMemory: size(value.totalMemory, 'the memory of a device'),
  };
}

function sizes(value: unknown): Readonly<Record<string, number>> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  if (entries.length > MAX_DEVICES) throw bad('the memory of a process on each device is too long');
  return Object.fromEntries(
    entries.map(([uuid, bytes]) => {
      if (!isUuid(uuid)) throw bad(`"${uuid.slice(0, 50)}" is no UUID`);
      return [normalUuid(uuid), size(bytes, 'the memory of a process on a device') ?? 0];
    }),
  );
}

function task(value: Readonly<Record<string, unknown>>): RecordedTask {
  const { pid, initial } = value;
  if (!Number.isInteger(pid) || (pid as number) < 1) throw bad('the pid of a process is no pid');
  if (initial !== 'running' && initial !== 'locked' && initial !== 'checkpointed')
    throw bad(`"${String(initial).slice(0, 20)}" is no state to restore`);
  const { deviceBytes } = value;
  return {
    pid: pid as number,
    initial,
    movedBytes: size(value.movedBytes, 'the memory of a process'),
    ...(deviceBytes === undefined ? {} : { deviceBytes: sizes(deviceBytes) }),
  };
}

/** Facts as they were recorded; null when there are none (sets of CRIU). Whoever can write the images can write these: everything is checked. @throws CudaError */
export function readRecord(facts: Readonly<Record<string, unknown>> | undefined): CudaRecord | null {
  if (facts?.backend === undefined) return null;
  const { moduleVersion } = facts;
  return {
    backend: text(facts.backend, 'the back end') as CudaRecord['backend'],
    cudaVersion: size(facts.cudaVersion, 'the CUDA version'),
    moduleVersion: moduleVersion === null ? null : text(moduleVersion, 'the driver version'),
    devices: items(facts.devices, 'devices', MAX_DEVICES).map(device),
    tasks: items(facts.tasks, 'tasks', MAX_TASKS).map(task),
  };
}
