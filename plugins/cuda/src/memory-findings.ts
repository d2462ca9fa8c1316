/** Whether there is memory enough: of the host for a checkpoint, of each device for a restore. */
import type { CudaDevice, GpuPair } from './backend.js';
import { gib, type Finding } from './finding.js';
import type { CudaRecord } from './record.js';

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

/** Whether the checkpoint has room on the devices that it comes back on. `free`: bytes by UUID, with a gap for each device that does not tell. */
export function roomFindings(record: CudaRecord | null, pairs: readonly GpuPair[], free: ReadonlyMap<string, number>): Finding[] {
  const needed = (record?.tasks ?? []).reduce((sum, { movedBytes }) => sum + (movedBytes ?? 0), 0);
  if (record === null || needed === 0) return [];
  // The program cannot list devices, and where /proc/driver/nvidia is hidden nobody can.
  if (record.devices.length === 0)
    return [
      { topic: 'memory', verdict: 'note', text: 'the devices of the checkpoint were not recorded: free memory could not be compared' },
    ];
  const targets = record.devices.map(({ uuid }) => ({ old: uuid, now: pairs.find(([from]) => from === uuid)?.[1] ?? uuid }));
  const unknown = targets.filter(({ now }) => !free.has(now)).map(({ now }) => now);
  const byDevice = record.tasks.every(({ deviceBytes, movedBytes }) => deviceBytes !== undefined || !movedBytes);
  const unseen: Finding[] =
    unknown.length === 0 ? [] : [{ topic: 'memory', verdict: 'note', text: `free memory of ${unknown.join(', ')} could not be looked at` }];
  if (byDevice) return [...targets.flatMap(({ old, now }) => lackOf(old, now, record, free)), ...unseen];
  // Which device needs how much was not recorded; that all together have no room can be seen.
  if (unknown.length > 0) return unseen;
  const room = targets.reduce((sum, { now }) => sum + (free.get(now) ?? 0), 0);
  if (needed <= room)
    return [{ topic: 'memory', verdict: 'note', text: 'how much memory each device needs was not recorded: only the sum was compared' }];
  return [lack(`the checkpoint needs ${gib(needed)} of device memory, the devices have ${gib(room)} free`)];
}

function lackOf(old: string, now: string, { tasks }: CudaRecord, free: ReadonlyMap<string, number>): Finding[] {
  const needed = tasks.reduce((sum, { deviceBytes }) => sum + (deviceBytes?.[old] ?? 0), 0);
  const room = free.get(now);
  if (room === undefined || needed <= room) return [];
  return [
    lack(
      `the checkpoint needs ${gib(needed)} of memory on ${now}${now === old ? '' : ` (in place of ${old})`}, which has ${gib(room)} free`,
    ),
  ];
}

function lack(text: string): Finding {
  return { topic: 'memory', verdict: 'refused', text, hint: 'End what else uses the device (nvidia-smi), or map to a larger one.' };
}
