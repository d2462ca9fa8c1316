/** Decides for every task how it gets its vDSO: see core/resources/memory/vdso.ts. */
import { readSync } from 'node:fs';
import { readMaps } from '../kernel/procfs/maps.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import { readMemory } from '../kernel/stub.js';
import type { PageMap } from '../resources/memory/page-map.js';
import type { TaskMemory, Vma } from '../resources/memory/restore.js';
import { imageSpecials, planVdso, specialMappings, type SpecialMapping, type VdsoImage } from '../resources/memory/vdso.js';
import type { TaskMappings } from './read.js';
import type { RestoreTask } from './model.js';
import type { ServiceFds } from './service-fds.js';

/** A vDSO has two pages today; more than this is no vDSO. */
const MAX_CODE = 64 * 4096;

/** That of the running kernel, as our own process has it. */
export function ownVdso(proc: ProcReader): VdsoImage {
  const special = specialMappings(readMaps(proc, process.pid) ?? []);
  const code = special.find((m) => m.isCode);
  return { special, code: code ? readMemory(process.pid, code.start, code.end - code.start) : null };
}

export function planVdsos(
  own: VdsoImage,
  mappings: ReadonlyMap<RestoreTask, TaskMappings>,
  service: ServiceFds,
  spare: number,
): Map<RestoreTask, TaskMemory> {
  const out = new Map<RestoreTask, TaskMemory>();
  for (const [task, { vmas, guards }] of mappings) {
    const wanted = { special: imageSpecials(vmas), code: imageCode(task.pages!, vmas, service) };
    out.set(task, { vmas, guards, vdso: planVdso(task.pid, own, wanted, spare) });
  }
  return out;
}

/** Code pages from the images; null when they are not there in full. */
function imageCode(pages: PageMap, vmas: readonly Vma[], service: ServiceFds): Buffer | null {
  const code = imageSpecials(vmas).find((m: SpecialMapping) => m.isCode);
  if (!code || code.end - code.start > MAX_CODE) return null;
  const bytes = Buffer.alloc(code.end - code.start);
  let have = 0;
  for (const run of pages.runs) {
    const start = Math.max(run.start, code.start);
    const end = Math.min(run.end, code.end);
    if (start >= end) continue;
    have += readSync(service.localFd(run.source), bytes, start - code.start, end - start, run.offset + start - run.start);
  }
  return have === bytes.length ? bytes : null;
}
