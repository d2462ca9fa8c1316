/** task_kobj_ids_entry: which kernel objects tasks share. Equal ids mean the same object (kcmp(2)). */
import type { TaskKobjIdsEntry } from '../images/generated/task.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { DumpTask } from './model.js';
import { isZombie } from '../kernel/procfs/stat.js';
import { OWN_IPC_ID } from '../resources/ipc/dump.js';

const KCMP = { vm: 1, files: 2, fs: 3, sighand: 4 } as const;
type SharedKind = keyof typeof KCMP;

/** Namespaces of criu-ts itself. A tree may have an IPC namespace of its own (core/resources/ipc); all others are refused. */
const NAMESPACE_IDS = {
  pid_ns_id: 1,
  net_ns_id: 2,
  ipc_ns_id: OWN_IPC_ID,
  uts_ns_id: 4,
  mnt_ns_id: 5,
  user_ns_id: 6,
  cgroup_ns_id: 7,
  time_ns_id: 8,
} as const;

/** Ids of criu-ts itself: in no task of a tree. */
export function ownIds(): TaskKobjIdsEntry {
  return { vm_id: 1, files_id: 1, fs_id: 1, sighand_id: 1, ...NAMESPACE_IDS };
}

/** Ids of every live task of a frozen tree. `ipcNamespace`: id of the one IPC namespace that they are in. */
export function taskIds(thread: KernelThread, tasks: readonly DumpTask[], ipcNamespace: number): Map<DumpTask, TaskKobjIdsEntry> {
  const live = tasks.filter((task) => !isZombie(task));
  const ids = {
    vm: classes(thread, live, 'vm'),
    files: classes(thread, live, 'files'),
    fs: classes(thread, live, 'fs'),
    sighand: classes(thread, live, 'sighand'),
  };
  const namespaces = { ...NAMESPACE_IDS, ipc_ns_id: ipcNamespace };
  return new Map(
    live.map((task, i) => [
      task,
      { vm_id: ids.vm[i]!, files_id: ids.files[i]!, fs_id: ids.fs[i]!, sighand_id: ids.sighand[i]!, ...namespaces },
    ]),
  );
}

/** Sorts tasks into classes of one shared object. kcmp gives an order (1 less, 2 greater), so a sorted list is searched by halves. */
function classes(thread: KernelThread, tasks: readonly DumpTask[], kind: SharedKind): number[] {
  const sorted: { pid: number; id: number }[] = [];
  let next = 2;
  return tasks.map((task) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = compare(thread, task.pid, sorted[middle]!.pid, KCMP[kind]);
      if (order === 0) return sorted[middle]!.id;
      if (order === 1) high = middle;
      else low = middle + 1;
    }
    const id = next++;
    sorted.splice(low, 0, { pid: task.pid, id });
    return id;
  });
}

function compare(thread: KernelThread, a: number, b: number, type: number): number {
  const { value, free } = thread.here('ids.kcmp', 4096, (p) => p.sys.kcmp(a, b, type, 0, 0).must('compare kernel objects of two tasks'), {
    subject: { pid: a },
    target: 'running',
  });
  const result = value.result;
  free();
  return result;
}
