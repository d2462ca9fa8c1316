/** Writes what was collected: everything but pages. The inventory comes last (ImageWriter.finish), so a set without it is visibly incomplete. */
import { readFileSync } from 'node:fs';
import { CrError } from '../errors.js';
import type { InventoryEntry } from '../images/generated/inventory.js';
import { writeExtra } from '../resources/extra-state.js';
import type { SharedIds } from '../pstree/model.js';
import type { DumpFiles } from '../resources/files/table.js';
import { taskIds, ownIds } from './ids.js';
import type { DumpRun, DumpTask } from './model.js';
import { refuseBirths } from './births.js';
import { isZombie } from '../kernel/procfs/stat.js';

/** With no time namespace of its own the tree's clocks are ours (CRIU keeps that under id 0). */
const NO_TIME_NAMESPACE = 0;
const ROOT_CGROUP_SET = 1;
const IMAGE_VERSION = 2;

export function writeTasks(run: DumpRun, files: DumpFiles): void {
  const ids = taskIds(run.thread.native, run.tasks, run.ipc.namespace);
  checkBirths(run, (task) => (isZombie(task) ? null : { files_id: files.tableId(task), fs_id: ids.get(task)!.fs_id }));
  for (const task of run.tasks) {
    run.images.add('core', task.nsPid, task.core);
    if (isZombie(task)) continue;
    for (const thread of task.threads) if (thread.core !== task.core) run.images.add('core', thread.nsTid, thread.core);
    run.images.add('mm', task.nsPid, task.mm);
    run.images.add('ids', task.nsPid, { ...ids.get(task)!, files_id: files.tableId(task) });
    files.writeFs(task);
  }
  for (const task of run.tasks) run.images.add('pstree', 0, pstreeEntry(task));
  run.images.add('seccomp', 0, { seccomp_filters: [] });
  run.images.add('timens', NO_TIME_NAMESPACE, clocks(run));
  files.finish();
  writeExtra(run.images, run.extra, run.id);
}

/** Once more, because the pre-flight looked at a tree that ran. Throws CR_UNSUPPORTED. */
function checkBirths(run: DumpRun, idsOf: (task: DumpTask) => SharedIds | null): void {
  const refusal = refuseBirths(run.tasks, idsOf, run.options.shellJob);
  if (!refusal) return;
  const { pid, what, hint } = refusal;
  throw new CrError('CR_UNSUPPORTED', { message: what, subject: { pid }, hint, target: 'running' });
}

function pstreeEntry(task: DumpTask) {
  const leader = task.nsPid;
  const others = task.threads.map((t) => t.nsTid).filter((tid) => tid !== leader);
  return { pid: leader, ppid: task.parent?.nsPid ?? 0, pgid: task.stat.pgrp, sid: task.stat.sid, threads: [leader, ...others] };
}

const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;

function clocks(run: DumpRun) {
  const { value, free } = run.thread.here('write.clocks', 4096, (p) => {
    const [mono, boot] = [p.struct('timespec'), p.struct('timespec')];
    p.sys.clock_gettime(CLOCK_MONOTONIC, mono).must('read the monotonic clock');
    p.sys.clock_gettime(CLOCK_BOOTTIME, boot).must('read the boot clock');
    return { mono, boot };
  });
  const time = (at: typeof value.mono) => ({ tv_sec: at.get('tv_sec'), tv_nsec: at.get('tv_nsec') });
  const entry = { monotonic: time(value.mono), boottime: time(value.boot) };
  free();
  return entry;
}

/** inventory.img. `id` names the dump; `plugins` are the names of the plugins that took part: present and empty when none did. */
export function inventory(id: string, plugins: readonly string[]): InventoryEntry {
  return {
    img_version: IMAGE_VERSION,
    fdinfo_per_id: true,
    root_ids: ownIds(),
    ns_per_id: true,
    root_cg_set: ROOT_CGROUP_SET,
    lsmtype: 0,
    network_lock_method: 0,
    plugins_entry: { plugins: [...plugins] },
    dump_criu_run_id: id,
  };
}

/** A random UUID (random(4)). Node's own would load its whole cryptography. */
export function newRunId(): string {
  return readFileSync('/proc/sys/kernel/random/uuid', 'latin1').trim();
}
