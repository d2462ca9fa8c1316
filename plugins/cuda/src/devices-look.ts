/** Reads what the helper says about NVML (native/src/nvml.h). */
import type { DeviceLook, DevicesLook } from './backend.js';
import { isUuid, normalUuid } from './device-map.js';

type Data = Readonly<Record<string, unknown>>;

const isData = (value: unknown): value is Data => typeof value === 'object' && value !== null;
const numberOf = (value: unknown) => (typeof value === 'number' ? value : null);
const flagOf = (value: unknown) => (typeof value === 'boolean' ? value : null);

function processOf(value: unknown): { pid: number; bytes: number | null }[] {
  return isData(value) && typeof value['pid'] === 'number' ? [{ pid: value['pid'], bytes: numberOf(value['bytes']) }] : [];
}

function deviceOf(value: unknown): DeviceLook[] {
  if (!isData(value) || typeof value['uuid'] !== 'string' || !isUuid(value['uuid'])) return [];
  const { processes, mps } = value;
  return [
    {
      uuid: normalUuid(value['uuid']),
      freeMemory: numberOf(value['free']),
      mig: flagOf(value['mig']),
      persistence: flagOf(value['persistence']),
      processes: Array.isArray(processes) ? processes.flatMap(processOf) : null,
      mpsClients: Array.isArray(mps) ? mps.filter((pid) => typeof pid === 'number') : null,
    },
  ];
}

/** `value`: of the answer to `survey`. */
export function readDevicesLook(value: unknown): DevicesLook {
  if (isData(value) && Array.isArray(value['devices'])) return { devices: value['devices'].flatMap(deviceOf) };
  return { unseen: isData(value) ? String(value['unseen']) : 'the helper gave no answer' };
}
