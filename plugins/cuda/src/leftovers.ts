/** Descriptors and mappings of NVIDIA's devices: they go when the driver checkpoints a process, and what stays behind has a cause. */
import { readdirSync, readlinkSync, statSync } from 'node:fs';

const DEVICE = /^\/dev\/nvidia/;

export function isNvidiaDevice(link: string): boolean {
  return DEVICE.test(link);
}

/** Why a device may still be there when the CUDA state of the tree has been moved out. */
export function likelyCause(pid: number, link: string): string {
  if (isSingleThreaded(pid))
    return 'the process has no CUDA state of its own: it was forked by one that has, without execve(2), and keeps its descriptors; close them in the child, or start it with execve(2)';
  if (link === '/dev/nvidiactl')
    return 'the process uses NVML with a driver before r570, or a profiler or debugger; update the driver, or call nvmlShutdown() first';
  if (link.startsWith('/dev/nvidia-caps')) return 'the process uses MIG or fabric memory, which cannot be checkpointed';
  return 'the process uses the device in a way that the driver cannot checkpoint (graphics, MIG, MPS, a profiler), or the driver is too old';
}

function isSingleThreaded(pid: number): boolean {
  try {
    return statSync(`/proc/${pid}/task`).nlink === 3;
  } catch {
    return false;
  }
}

/** Whether the process has a device of NVIDIA's open: it has CUDA state on a device, or inherited it. False for one that is gone. */
export function holdsDevices(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => isNvidiaDevice(linkOf(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return '';
  }
}
