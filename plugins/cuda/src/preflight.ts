/** What can be known before anything is touched, as data: each finding says what, how bad, and what to do. */
import { existsSync, readdirSync } from 'node:fs';
import type { BackendInfo, CudaBackend, CudaDevice, GpuPair } from './backend.js';
import { planDeviceMap } from './device-map.js';
import { canMoveDevices, cudaText, missingFeatures, NEVER } from './driver-limits.js';
import { NVIDIA_PROC } from './driver-module.js';
import type { CudaOptions } from './options.js';
import type { CudaRecord } from './record.js';

export interface Finding {
  readonly topic: 'driver' | 'devices' | 'memory' | 'host';
  /** `refused`: it cannot work. `warning`: it may not. `note`: good to know. */
  readonly verdict: 'ok' | 'note' | 'warning' | 'refused';
  readonly text: string;
  /** The next step. */
  readonly hint?: string;
}

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

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

/** What of the host stands in the way: MIG, MPS; and persistence mode, which makes attaching fast. `root`: of the file system, for tests. */
export function hostFindings(root = ''): Finding[] {
  const findings: Finding[] = [];
  if (hasMigInstances(`${root}${NVIDIA_PROC}/capabilities`))
    findings.push({
      topic: 'host',
      verdict: 'warning',
      text: 'a device is divided by MIG: processes on its instances cannot be checkpointed',
      hint: 'nvidia-smi -mig 0',
    });
  const mps = process.env['CUDA_MPS_PIPE_DIRECTORY'] ?? '/tmp/nvidia-mps';
  if (existsSync(`${root}${mps}/control`))
    findings.push({
      topic: 'host',
      verdict: 'warning',
      text: `the MPS server runs (${mps}): its clients cannot be checkpointed`,
      hint: 'Start the processes without MPS.',
    });
  const persistent = existsSync(`${root}/run/nvidia-persistenced/socket`);
  findings.push({
    topic: 'host',
    verdict: persistent ? 'ok' : 'note',
    text: persistent
      ? 'persistence mode: nvidia-persistenced runs'
      : 'nvidia-persistenced does not run: each attach to the driver may cost seconds',
  });
  return findings;
}

function hasMigInstances(folder: string): boolean {
  try {
    return readdirSync(folder).some(
      (gpu) => existsSync(`${folder}/${gpu}/mig`) && readdirSync(`${folder}/${gpu}/mig`).some((name) => name.startsWith('gi')),
    );
  } catch {
    return false;
  }
}

/** Whether the memory of the devices may be too much for the host. `free`: bytes by UUID; `available`: bytes that the tree may still take. */
export function hostMemoryFindings(devices: readonly CudaDevice[], free: ReadonlyMap<string, number>, available: number): Finding[] {
  const used = devices.reduce(
    (sum, { uuid, totalMemory }) => sum + Math.max(0, (totalMemory ?? 0) - (free.get(uuid) ?? totalMemory ?? 0)),
    0,
  );
  if (used <= available) return [];
  return [
    {
      topic: 'memory',
      verdict: 'warning',
      text: `up to ${gib(used)} of device memory may belong to the tree, and the host has ${gib(available)} for the copy`,
      hint: 'Free memory, or raise memory.max of the control group: a checkpoint holds all device memory of the tree in memory of the host.',
    },
  ];
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
  findings.push(...(await freeFindings(backend, record, map.pairs)));
  return { pairs: map.pairs, findings };
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

/** Which process has how much on which device is not known; that all together has no room is. */
async function freeFindings(backend: CudaBackend, record: CudaRecord | null, pairs: readonly GpuPair[]): Promise<Finding[]> {
  const needed = (record?.tasks ?? []).reduce((sum, { movedBytes }) => sum + (movedBytes ?? 0), 0);
  if (record === null || needed === 0) return [];
  const targets = pairs.length > 0 ? pairs.map(([, now]) => now) : record.devices.map(({ uuid }) => uuid);
  const free = await backend.freeMemory();
  if (!targets.every((uuid) => free.has(uuid))) return [];
  const room = targets.reduce((sum, uuid) => sum + (free.get(uuid) ?? 0), 0);
  if (needed <= room) return [];
  return [
    {
      topic: 'memory',
      verdict: 'refused',
      text: `the checkpoint needs ${gib(needed)} of device memory, the devices have ${gib(room)} free`,
      hint: 'End what else uses the devices (nvidia-smi), or map to larger ones.',
    },
  ];
}

export function findingText({ verdict, text, hint }: Finding): string {
  const mark = verdict === 'ok' || verdict === 'note' ? '' : `${verdict}: `;
  return `${mark}${text}${hint === undefined ? '' : `. ${hint}`}`;
}
