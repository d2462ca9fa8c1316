/** Before the freeze: which IPC namespaces the tree is in. */
import { readNamespace } from '../../kernel/procfs/ns.js';
import type { ProcReader } from '../../kernel/procfs/reader.js';

/** Why these processes cannot be dumped together: all must be in our IPC namespace, or all in one other. */
export function checkIpcNamespaces(proc: ProcReader, pids: readonly number[]): { pid: number; what: string }[] {
  const [root] = pids;
  const first = root === undefined ? null : readNamespace(proc, 'ipc', root);
  return pids.flatMap((pid) => {
    const theirs = readNamespace(proc, 'ipc', pid);
    // One that is missing was given up: the process is ending just now.
    return theirs === null || first === null || theirs === first
      ? []
      : [{ pid, what: `is in another ipc namespace (${theirs}) than the root of the tree (${first}); a tree can have one` }];
  });
}
