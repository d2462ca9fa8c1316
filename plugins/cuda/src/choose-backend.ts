/** Which back end a run uses. */
import type { CallLimits, CudaBackend } from './backend.js';
import { DriverBackend } from './driver-backend.js';
import { CudaError } from './errors.js';
import { ToolBackend } from './tool-backend.js';

interface BackendChoice {
  readonly backend: 'auto' | 'driver' | 'tool';
  readonly libcuda?: string;
  readonly tool?: string;
  readonly limits?: Partial<CallLimits>;
}

/** Starts it. `auto`: the driver library where it has the checkpoint API, else the program. @throws CudaError that says what each of them lacks */
export async function openBackend(choice: BackendChoice): Promise<CudaBackend> {
  const limits = choice.limits === undefined ? {} : { limits: choice.limits };
  const driver = () => DriverBackend.open({ ...limits, ...(choice.libcuda === undefined ? {} : { library: choice.libcuda }) });
  const tool = () => ToolBackend.open({ ...limits, ...(choice.tool === undefined ? {} : { tool: choice.tool }) });
  if (choice.backend === 'driver') return driver();
  if (choice.backend === 'tool') return tool();
  try {
    return await driver();
  } catch (first) {
    if (!(first instanceof CudaError)) throw first;
    try {
      return await tool();
    } catch (second) {
      if (!(second instanceof CudaError)) throw second;
      throw new CudaError(`no way to the CUDA driver: ${first.message}; ${second.message}`, `${first.hint} Or: ${second.hint}`, first);
    }
  }
}
