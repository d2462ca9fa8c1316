/** What a driver can do for checkpoints, by its version. */
import type { BackendInfo } from './backend.js';

interface Feature {
  readonly what: string;
  /** CUDA version, 13000 for 13.0; null when only the branch is known. */
  readonly cuda: number | null;
  /** Branch of the driver. */
  readonly branch: number;
}

/** Feature by the version that brought it (NVIDIA's release notes of CUDA and of cuda-checkpoint). */
const FEATURES: readonly Feature[] = [
  { what: 'processes that use NVML', cuda: 12_080, branch: 570 },
  { what: 'restore on other devices (option deviceMap)', cuda: 13_000, branch: 580 },
  { what: 'jobs (cuda-checkpoint --launch-job)', cuda: 13_010, branch: 590 },
  { what: 'CUDA IPC between processes of a job', cuda: null, branch: 610 },
];

/** What no driver can. */
export const NEVER =
  'managed memory (cudaMallocManaged), MIG, MPS, vGPU, memory exported as descriptors or multicast (NCCL: NCCL_CUMEM_ENABLE=0 NCCL_CUMEM_HOST_ENABLE=0), profilers and debuggers, machines that are not x86-64';

function has({ cudaVersion, moduleVersion }: BackendInfo, { cuda, branch }: Feature): boolean {
  if (moduleVersion !== null) return Number(moduleVersion.split('.')[0]) >= branch;
  return cudaVersion !== null && cuda !== null && cudaVersion >= cuda;
}

/** In words, each with the version that can. */
export function missingFeatures(info: BackendInfo): readonly string[] {
  return FEATURES.filter((feature) => !has(info, feature)).map(({ what, branch }) => `${what} (driver r${branch} and later)`);
}

/** Whether a process may come back on another device than its own. */
export function canMoveDevices(info: BackendInfo): boolean {
  return FEATURES.filter(({ branch }) => branch === 580).every((feature) => has(info, feature));
}

/** `CUDA 13.0`. */
export function cudaText(version: number): string {
  return `CUDA ${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
}
