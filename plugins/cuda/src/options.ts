/** Options of the plugin, read from what the host checked by type. */
import { CudaError } from './errors.js';
import type { FinalState } from './restore-states.js';
import { parseDeviceMap, type DeviceMapRequest } from './device-map.js';

export interface CudaOptions {
  readonly backend: 'auto' | 'driver' | 'tool';
  /** Milliseconds that a process may take to end its work on the devices. */
  readonly lockTimeout: number;
  readonly deviceMap: DeviceMapRequest;
  readonly finalState: FinalState;
  /** Driver library, for dlopen(3). */
  readonly libcuda: string | undefined;
  /** NVIDIA's program. */
  readonly tool: string | undefined;
  /** `ask`: the back end is asked about every process, also about those that do not look as if they used CUDA. */
  readonly discover: 'look' | 'ask';
  /** Processes whose memory moves at once. */
  readonly parallel: number;
}

function path(key: string, value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined;
  const text = String(value);
  // A name goes by the search path of the linker, or PATH; anything with a slash must not depend on where we were started.
  if (text.includes('/') && !text.startsWith('/'))
    throw new CudaError(`option ${key}: "${text.slice(0, 80)}" is a relative path`, 'Give an absolute path.');
  return text;
}

/** `values`: with the defaults of the manifest. @throws CudaError that names the option and what it may be */
export function readCudaOptions(values: Readonly<Record<string, unknown>>): CudaOptions {
  return {
    backend: values.backend as CudaOptions['backend'],
    lockTimeout: whole('lockTimeout', values.lockTimeout),
    deviceMap: parseDeviceMap(String(values.deviceMap)),
    finalState: values.finalState as FinalState,
    libcuda: path('libcuda', values.libcuda),
    tool: path('tool', values.tool),
    discover: values.discover as CudaOptions['discover'],
    parallel: whole('parallel', values.parallel),
  };
}

function whole(key: string, value: unknown): number {
  if (!Number.isInteger(value)) throw new CudaError(`option ${key} must be a whole number, not ${String(value)}`, 'Give a whole number.');
  return value as number;
}

/** What choosing a back end needs of the options. */
export function backendChoice({ backend, libcuda, tool }: CudaOptions): {
  backend: CudaOptions['backend'];
  libcuda?: string;
  tool?: string;
} {
  return { backend, ...(libcuda === undefined ? {} : { libcuda }), ...(tool === undefined ? {} : { tool }) };
}
