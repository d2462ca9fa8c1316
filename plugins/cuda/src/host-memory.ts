/** Memory of the host that a process may still take: what the host has, and what its control groups allow. Bytes. */
import { readSmall } from './driver-module.js';

/** Where the host tells; tests give folders. */
interface Places {
  readonly proc: string;
  readonly cgroups: string;
}

const HERE: Places = { proc: '/proc', cgroups: '/sys/fs/cgroup' };

function kibOf(text: string | null, name: string): number | null {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text ?? '');
  return match === null ? null : Number(match[1]) * 1024;
}

/** Anonymous memory of a process; null when it cannot be read. */
export function anonymousMemory(pid: number): number | null {
  return kibOf(readSmall(`/proc/${pid}/status`), 'RssAnon');
}

/** The lowest of what is free on the host and under the limit of each control group (version 2) above the process. */
export function availableMemory(pid: number, { proc, cgroups } = HERE): number {
  const host = kibOf(readSmall(`${proc}/meminfo`), 'MemAvailable') ?? Infinity;
  const path = /^0::(\/.*)$/m.exec(readSmall(`${proc}/${pid}/cgroup`) ?? '')?.[1] ?? '/';
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  const folders = parts.map((_, i) => `${cgroups}/${parts.slice(0, i + 1).join('/')}`);
  return Math.max(0, Math.min(host, ...folders.map(room)));
}

function room(folder: string): number {
  const limit = Number(readSmall(`${folder}/memory.max`)?.trim());
  const used = Number(readSmall(`${folder}/memory.current`)?.trim());
  // "max", or no such file: no limit here.
  return Number.isFinite(limit) && Number.isFinite(used) ? limit - used : Infinity;
}
