/** Jobs (driver r610 and later): processes under one `cuda-checkpoint --launch-job`, which may share device memory by CUDA IPC and must move one by one. */
import { readFileSync } from 'node:fs';

const VARIABLE = 'CUDA_CHECKPOINT_JOB_FILE=';

/** Whether the process belongs to a job. False for one that is gone or not ours to look at. */
export function isInJob(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/environ`, 'latin1');
    return text.startsWith(VARIABLE) || text.includes(`\0${VARIABLE}`);
  } catch {
    return false;
  }
}
