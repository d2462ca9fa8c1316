/** What of the host stands in the way of checkpoints: MIG and MPS; and persistence mode, which makes attaching fast. */
import { existsSync, readdirSync } from 'node:fs';
import type { DeviceLook, DevicesLook } from './backend.js';
import { NVIDIA_PROC } from './driver-module.js';
import type { Finding } from './finding.js';

/** As NVML tells it; without NVML by signs in the file system, and what these cannot show is said. `root`: of the file system, for tests. */
export function hostFindings(look: DevicesLook, root = ''): Finding[] {
  const server = mpsServer(root);
  if ('unseen' in look) {
    const note: Finding = {
      topic: 'host',
      verdict: 'note',
      text: `NVML was not asked (${look.unseen}): clients of MPS, memory by process, and the modes of each device could not be looked at`,
    };
    return [...(hasMigInstances(`${root}${NVIDIA_PROC}/capabilities`) ? [mig('a device')] : []), ...server, daemonFinding(root), note];
  }
  return [
    ...look.devices.flatMap((device) => (device.mig === true ? [mig(device.uuid)] : [])),
    ...server,
    ...look.devices.flatMap(deviceFindings),
  ];
}

/** What keeps processes of a tree from being checkpointed, as far as NVML tells. */
export function treeFindings(look: DevicesLook, pids: readonly number[]): Finding[] {
  if ('unseen' in look) return [];
  return look.devices.flatMap(({ uuid, mig: divided, processes, mpsClients }): Finding[] => {
    const clients = pids.filter((pid) => mpsClients?.includes(pid));
    const onMig = divided === true ? pids.filter((pid) => processes?.some((one) => one.pid === pid)) : [];
    return [
      ...clients.map((pid): Finding => ({ ...mpsClient(pid, uuid), verdict: 'warning' })),
      ...onMig.map((pid): Finding => ({
        ...mig(uuid),
        text: `pid ${pid} uses ${uuid}, which is divided by MIG: it cannot be checkpointed there`,
      })),
    ];
  });
}

function mig(device: string): Finding {
  return {
    topic: 'host',
    verdict: 'warning',
    text: `${device} is divided by MIG: processes on its instances cannot be checkpointed`,
    hint: 'nvidia-smi -mig 0',
  };
}

function mpsClient(pid: number, uuid: string): Finding {
  return {
    topic: 'host',
    verdict: 'warning',
    text: `pid ${pid} uses ${uuid} through MPS: it cannot be checkpointed`,
    hint: 'Start the process without MPS.',
  };
}

function deviceFindings({ uuid, persistence, mpsClients }: DeviceLook): Finding[] {
  const clients = (mpsClients ?? []).map((pid) => mpsClient(pid, uuid));
  if (persistence === null)
    return [...clients, { topic: 'host', verdict: 'note', text: `${uuid}: persistence mode could not be looked at` }];
  return [
    ...clients,
    {
      topic: 'host',
      verdict: persistence ? 'ok' : 'note',
      text: `${uuid}: persistence mode is ${persistence ? 'on' : 'off: each attach to the driver may cost seconds'}`,
    },
  ];
}

function mpsServer(root: string): Finding[] {
  const folder = process.env['CUDA_MPS_PIPE_DIRECTORY'] ?? '/tmp/nvidia-mps';
  if (!existsSync(`${root}${folder}/control`)) return [];
  return [
    {
      topic: 'host',
      verdict: 'warning',
      text: `the MPS server runs (${folder}): its clients cannot be checkpointed`,
      hint: 'Start the processes without MPS.',
    },
  ];
}

function daemonFinding(root: string): Finding {
  const persistent = existsSync(`${root}/run/nvidia-persistenced/socket`);
  return {
    topic: 'host',
    verdict: persistent ? 'ok' : 'note',
    text: persistent
      ? 'persistence mode: nvidia-persistenced runs'
      : 'nvidia-persistenced does not run: each attach to the driver may cost seconds',
  };
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
