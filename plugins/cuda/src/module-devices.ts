/** Devices as the kernel module lists them, for the back end that cannot ask the driver library. Order: by bus address, as with CUDA_DEVICE_ORDER=PCI_BUS_ID. */
import { readdirSync } from 'node:fs';
import type { CudaDevice } from './backend.js';
import { NVIDIA_PROC, readSmall } from './driver-module.js';

const MAX_DEVICES = 256;

function field(text: string, name: string): string | null {
  const line = text.split('\n').find((entry) => entry.startsWith(`${name}:`));
  return line === undefined ? null : line.slice(name.length + 1).trim();
}

/** Empty where there is no module, or where its folder is hidden (as in many containers). */
export function devicesOfModule(root = NVIDIA_PROC): readonly CudaDevice[] {
  let names: string[];
  try {
    names = readdirSync(`${root}/gpus`).sort().slice(0, MAX_DEVICES);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const text = readSmall(`${root}/gpus/${name}/information`) ?? '';
    const uuid = field(text, 'GPU UUID')?.toLowerCase().replace(/^gpu-/, 'GPU-');
    return uuid?.startsWith('GPU-') === true ? [{ uuid, name: field(text, 'Model') ?? 'unknown', totalMemory: null }] : [];
  });
}
