/** task_kobj_ids_entry: which kernel objects tasks share. Equal ids mean the same object (kcmp(2)). */
import type { TaskKobjIdsEntry } from '../images/generated/task.js';
import { Classes, KCMP } from '../kernel/kcmp-classes.js';
import { LocalCalls } from '../kernel/local.js';
import type { Native } from '../kernel/native.js';
import type { DumpTask } from './model.js';
import { isZombie } from '../kernel/procfs/stat.js';
import { OWN_NET_ID } from '../resources/files/unix-socket.js';
import { OWN_IPC_ID } from '../resources/ipc/dump.js';

/** 1 is our own (ownIds). */
const FIRST_ID = 2;

/** Namespaces of criu-ts itself. A tree may have an IPC namespace of its own (core/resources/ipc); all others are refused. */
const NAMESPACE_IDS = {
  pid_ns_id: 1,
  net_ns_id: OWN_NET_ID,
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

/** Ids of every live task of a frozen tree, but for that of its descriptors. `ipcNamespace`: id of the one IPC namespace that they are in. */
export function taskIds(
  native: Native,
  tasks: readonly DumpTask[],
  ipcNamespace: number,
): Map<DumpTask, Omit<TaskKobjIdsEntry, 'files_id'>> {
  const live = tasks.filter((task) => !isZombie(task));
  const calls = new LocalCalls(native);
  try {
    const vm = idsOf(calls, live, KCMP.vm);
    const fs = idsOf(calls, live, KCMP.fs);
    const sighand = idsOf(calls, live, KCMP.sighand);
    const namespaces = { ...NAMESPACE_IDS, ipc_ns_id: ipcNamespace };
    return new Map(live.map((task, i) => [task, { vm_id: vm[i]!, fs_id: fs[i]!, sighand_id: sighand[i]!, ...namespaces }]));
  } finally {
    calls.close();
  }
}

function idsOf(calls: LocalCalls, tasks: readonly DumpTask[], type: (typeof KCMP)[keyof typeof KCMP]): number[] {
  const classes = new Classes<number>(calls, type);
  let next = FIRST_ID;
  return tasks.map((task) => classes.of(task.pid, 0, () => next++).value);
}
