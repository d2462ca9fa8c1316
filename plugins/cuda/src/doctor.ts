/** `criu-ts plugin doctor cuda`: what this host has for checkpoints of CUDA. */
import { openBackend } from './choose-backend.js';
import { CudaError } from './errors.js';
import { availableMemory } from './host-memory.js';
import type { CudaOptions } from './options.js';
import { freeMemoryOf } from './backend.js';
import type { Finding } from './finding.js';
import { hostFindings } from './host-findings.js';
import { hostMemoryFindings } from './memory-findings.js';
import { deviceFindings, driverFindings } from './preflight.js';
import { backendChoice } from './options.js';

/** Findings about this host, the driver's first. */
export async function examine(options: CudaOptions): Promise<readonly Finding[]> {
  try {
    const backend = await openBackend(backendChoice(options));
    try {
      const devices = await backend.devices();
      const look = await backend.look();
      const free = await freeMemoryOf(backend, look);
      const memory = hostMemoryFindings(devices, free, availableMemory(process.pid));
      return [...driverFindings(backend.info), ...deviceFindings(devices, free), ...memory, ...hostFindings(look)];
    } finally {
      await backend.close(true);
    }
  } catch (error) {
    if (!(error instanceof CudaError)) throw error;
    return [
      { topic: 'driver', verdict: 'refused', text: error.message, hint: error.hint },
      ...hostFindings({ unseen: 'there is no way to the driver' }),
    ];
  }
}
