/** `criu-ts plugin doctor cuda`: what this host has for checkpoints of CUDA. */
import { openBackend } from './choose-backend.js';
import { CudaError } from './errors.js';
import { availableMemory } from './host-memory.js';
import type { CudaOptions } from './options.js';
import { deviceFindings, driverFindings, type Finding, hostFindings, hostMemoryFindings } from './preflight.js';
import { backendChoice } from './options.js';

/** Findings about this host, the driver's first. */
export async function examine(options: CudaOptions): Promise<readonly Finding[]> {
  try {
    const backend = await openBackend(backendChoice(options));
    try {
      const devices = await backend.devices();
      const free = await backend.freeMemory();
      const memory = hostMemoryFindings(devices, free, availableMemory(process.pid));
      return [...driverFindings(backend.info), ...deviceFindings(devices, free), ...memory, ...hostFindings()];
    } finally {
      await backend.close(true);
    }
  } catch (error) {
    if (!(error instanceof CudaError)) throw error;
    return [{ topic: 'driver', verdict: 'refused', text: error.message, hint: error.hint }, ...hostFindings()];
  }
}
