/**
 * On which NUMA nodes the memory of one mapping lies (mbind(2), set_mempolicy_home_node(2)). Refused: images have no place for it. What threads have for all
 * of their memory is kept (memory-policy.ts).
 */
import { readFileSync } from 'node:fs';
import { readMaps, type Vma } from '../../kernel/procfs/maps.js';
import { DEFAULT_POLICY, type MappingPolicy, readNumaMaps } from '../../kernel/procfs/numa-maps.js';
import type { ProcReader } from '../../kernel/procfs/reader.js';
import type { TaskResource } from '../resource.js';

const NODES_WITH_MEMORY = '/sys/devices/system/node/has_memory';

export const mappingPolicy: TaskResource = {
  name: 'mapping-policy',
  // With one node all memory comes from there, whatever a policy says: nothing is lost that had an effect, and a walk over all pages is saved.
  preflight: ({ pid, proc }) => (hasSeveralNodes(proc.fact('nodes with memory', nodesWithMemory)) ? ownPolicies(proc, pid) : []),
};

/** A list such as `0-1,4`; policies name only nodes that are in it (mbind(2), EINVAL). */
function nodesWithMemory(): string {
  try {
    return readFileSync(NODES_WITH_MEMORY, 'latin1');
  } catch {
    // A kernel without NUMA.
    return '0';
  }
}

export function hasSeveralNodes(list: string): boolean {
  return /[-,]/.test(list);
}

/** One line for each mapping with a policy of its own, as far as that can be seen: core/docs/limits.md. */
export function ownPolicies(proc: ProcReader, pid: number): string[] {
  const vmas = readMaps(proc, pid) ?? [];
  return refusePolicies(vmas, readNumaMaps(proc, pid) ?? []);
}

export function refusePolicies(vmas: readonly Vma[], policies: readonly MappingPolicy[]): string[] {
  const byStart = new Map(vmas.map((vma) => [vma.start, vma]));
  // A mapping without a policy shows that of the thread, and the kernel's own mappings have none: nobody binds code of the kernel.
  const ofThread = policies.find(({ start }) => byStart.get(start)?.kind === 'vdso')?.policy ?? DEFAULT_POLICY;
  return policies.flatMap(({ start, policy }) => {
    const vma = byStart.get(start);
    // Without a line in maps it came or went meanwhile: the program runs.
    if (policy === DEFAULT_POLICY || policy === ofThread || !vma || isOfFile(vma)) return [];
    return [
      `mapping ${start.toString(16)}-${vma.end.toString(16)} has the NUMA policy ${policy} of its own (mbind(2)), which is not kept yet: ` +
        'set one for the whole process instead (numactl(8))',
    ];
  });
}

/** A shared mapping of a file with a name: its policy belongs to the file (tmpfs, hugetlbfs), which stays, or has no effect (page cache; mbind(2)). */
function isOfFile(vma: Vma): boolean {
  return vma.shared && vma.kind === 'file' && !vma.deletedSuffix;
}
