/** What the driver and its devices can do, and whether a checkpoint can come back on them. */
import { freeMemoryOf, type BackendInfo, type CudaBackend, type CudaDevice, type DevicesLook, type GpuPair } from './backend.js';
import { planDeviceMap } from './device-map.js';
import { canMoveDevices, cudaText, missingFeatures, NEVER } from './driver-limits.js';
import { gib, type Finding } from './finding.js';
import { roomFindings } from './memory-findings.js';
import type { CudaOptions } from './options.js';
import type { CudaRecord } from './record.js';

/** The driver, and what it cannot do. */
export function driverFindings(info: BackendInfo): Finding[] {
  const version = info.cudaVersion === null ? 'a driver' : cudaText(info.cudaVersion);
  const module = info.moduleVersion === null ? '' : `, kernel module ${info.moduleVersion}`;
  const missing = missingFeatures(info).map((what): Finding => ({ topic: 'driver', verdict: 'note', text: `too old for ${what}` }));
  const found: Finding = {
    topic: 'driver',
    verdict: 'ok',
    text: `${version} by ${info.kind === 'tool' ? 'the program' : 'the library'} ${info.path}${module}`,
  };
  return [found, ...missing, { topic: 'driver', verdict: 'note', text: `no driver can checkpoint ${NEVER}` }];
}

export function deviceFindings(devices: readonly CudaDevice[], free: ReadonlyMap<string, number>): Finding[] {
  if (devices.length === 0)
    return [{ topic: 'devices', verdict: 'warning', text: 'the driver shows no device', hint: 'Look at `nvidia-smi -L`.' }];
  return devices.map(({ uuid, name, totalMemory }, i) => {
    const unused = free.get(uuid);
    const memory = totalMemory === null ? '' : `, ${gib(totalMemory)}${unused === undefined ? '' : `, ${gib(unused)} free`}`;
    return { topic: 'devices', verdict: 'ok', text: `${i}: ${uuid} ${name}${memory}` };
  });
}

/** What a restore has to know of this host; `pairs` for the driver. */
export interface RestoreVerdict {
  readonly pairs: readonly GpuPair[];
  readonly findings: readonly Finding[];
}

/** Whether the checkpoint can come back on this host. */
export async function checkRestore(backend: CudaBackend, record: CudaRecord | null, options: CudaOptions): Promise<RestoreVerdict> {
  const { info } = backend;
  const findings: Finding[] = [...versionFindings(info, record)];
  const here = await backend.devices();
  const told = typeof options.deviceMap !== 'string';
  // Sets of CRIU tell no devices: without a word of the user's the driver must find its own.
  const map = record === null && !told ? { pairs: [] } : planDeviceMap(record?.devices ?? [], here, options.deviceMap);
  if ('problems' in map) {
    const hint = 'Give a complete map with the option deviceMap, or restore on a host with such devices.';
    return {
      pairs: [],
      findings: [...findings, ...map.problems.map((text): Finding => ({ topic: 'devices', verdict: 'refused', text, hint }))],
    };
  }
  if (map.pairs.length > 0 && !canMoveDevices(info))
    findings.push({
      topic: 'devices',
      verdict: 'refused',
      text: 'this driver cannot move a process to other devices',
      hint: 'Drivers since r580 (CUDA 13.0) can.',
    });
  const look = await backend.look();
  const free = needsMemory(record) ? await freeMemoryOf(backend, look) : new Map<string, number>();
  findings.push(...roomFindings(record, map.pairs, free), ...targetFindings(record, map.pairs, look));
  return { pairs: map.pairs, findings };
}

function needsMemory(record: CudaRecord | null): boolean {
  return record?.tasks.some(({ movedBytes }) => (movedBytes ?? 0) > 0) ?? false;
}

/** What is wrong with the devices that the checkpoint comes back on. */
function targetFindings(record: CudaRecord | null, pairs: readonly GpuPair[], look: DevicesLook): Finding[] {
  if ('unseen' in look)
    return [{ topic: 'host', verdict: 'note', text: `NVML was not asked (${look.unseen}): MIG could not be looked at` }];
  const targets = (record?.devices ?? []).map(({ uuid }) => pairs.find(([from]) => from === uuid)?.[1] ?? uuid);
  const divided = look.devices.filter(({ uuid, mig }) => mig === true && targets.includes(uuid));
  return divided.map(({ uuid }) => ({
    topic: 'host',
    verdict: 'warning',
    text: `${uuid} is divided by MIG: nothing can be restored to its instances`,
    hint: 'nvidia-smi -mig 0, or another device (option deviceMap)',
  }));
}

function versionFindings(info: BackendInfo, record: CudaRecord | null): Finding[] {
  const findings: Finding[] = [];
  const { cudaVersion, moduleVersion } = record ?? { cudaVersion: null, moduleVersion: null };
  if (cudaVersion !== null && info.cudaVersion !== null && info.cudaVersion < cudaVersion)
    findings.push({
      topic: 'driver',
      verdict: 'refused',
      text: `the checkpoint was made with ${cudaText(cudaVersion)}, the driver here is older: ${cudaText(info.cudaVersion)}`,
      hint: 'Install that driver, or a newer one.',
    });
  else if (moduleVersion !== null && info.moduleVersion !== null && info.moduleVersion !== moduleVersion)
    findings.push({
      topic: 'driver',
      verdict: 'warning',
      text: `the checkpoint was made with driver ${moduleVersion}, here is ${info.moduleVersion}`,
    });
  return findings;
}
