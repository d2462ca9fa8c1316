/** Fresh core images: every field that the format requires, with values that the resources then replace. */
import { arch } from '../arch/current.js';
import type { CoreEntry, TaskCoreEntry, ThreadCoreEntry } from '../images/generated/core.js';
import type { Stat } from '../kernel/procfs/stat.js';
import { TASK_STATE } from './task-parts.js';

/** Every task of a dump is in the control group set of the root (inventory: root_cg_set). */
const ROOT_CGROUP_SET = 1;

function taskState(stat: Stat): number {
  if (stat.state === 'Z' || stat.state === 'X') return TASK_STATE.dead;
  return stat.state === 'T' ? TASK_STATE.stopped : TASK_STATE.alive;
}

function taskCore(stat: Stat): TaskCoreEntry {
  return {
    task_state: taskState(stat),
    exit_code: stat.exitCode,
    personality: 0,
    flags: stat.flags,
    blk_sigset: 0n,
    comm: stat.comm,
    sigactions: [],
  };
}

function threadCore(): ThreadCoreEntry {
  return { futex_rla: 0n, futex_rla_len: 0, cg_set: ROOT_CGROUP_SET };
}

/** Leader: what belongs to the process and to its first thread. */
export function newLeaderCore(stat: Stat): CoreEntry {
  return { mtype: arch.images.mtype, tc: taskCore(stat), thread_core: threadCore() };
}

export function newThreadCore(): CoreEntry {
  return { mtype: arch.images.mtype, thread_core: threadCore() };
}

/** A zombie has a name, an exit code and ids, and nothing else. */
export function newZombieCore(stat: Stat): CoreEntry {
  return { mtype: arch.images.mtype, tc: taskCore(stat) };
}
