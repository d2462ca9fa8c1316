/** Reads a set of images into a tree of tasks, and checks everything that can be checked without the kernel. */
import { CrError } from '../errors.js';
import type { CoreEntry } from '../images/generated/core.js';
import type { InventoryEntry } from '../images/generated/inventory.js';
import type { PstreeEntry, TaskKobjIdsEntry } from '../images/generated/task.js';
import type { ImageReader } from '../images/reader.js';
import { readPageMap, type PageSources } from '../resources/memory/page-map.js';
import type { Range } from '../resources/memory/ranges.js';
import { readVmas, type Vma } from '../resources/memory/restore.js';
import { TASK_STATE } from '../resources/task-parts.js';
import type { RestoreTask, RestoreThread } from './model.js';
import { adoptShellJob } from './shell-job.js';

const PID_MAX = 1 << 22;
const OLDEST_VERSION = 1;
const NEWEST_VERSION = 2;

export interface ReadOptions {
  readonly shellJob: boolean;
  readonly own: { readonly sid: number; readonly pgid: number };
}

/** Mappings of a task, checked. */
export interface TaskMappings {
  readonly vmas: readonly Vma[];
  readonly guards: readonly Range[];
}

function bad(path: string, message: string): CrError {
  return new CrError('CR_IMAGE_BAD', { message, subject: { path }, target: 'not started' });
}

/** inventory.img: a set without it is not complete. */
export function readInventory(images: ImageReader): InventoryEntry {
  const inventory = images.readOne('inventory');
  if (inventory.img_version < OLDEST_VERSION || inventory.img_version > NEWEST_VERSION)
    throw new CrError('CR_IMAGE_FEATURE', {
      message: `is of image version ${inventory.img_version}; ${OLDEST_VERSION} to ${NEWEST_VERSION} are known`,
      subject: { path: images.pathOf('inventory.img') },
      target: 'not started',
    });
  return inventory;
}

/** Parents before children; numbers unique; exactly one root. */
export function readTasks(
  images: ImageReader,
  sources: PageSources,
  options: ReadOptions,
): { tasks: RestoreTask[]; memory: Map<RestoreTask, TaskMappings> } {
  const path = images.pathOf('pstree.img');
  const entries = images.readAll('pstree');
  if (entries.length === 0) throw bad(path, 'has no process');
  const numbers = new Set<number>();
  for (const entry of entries) claimNumber(numbers, entry.pid, path);
  adoptShellJob(idsOf(entries), options.own, options.shellJob);
  const byPid = new Map<number, RestoreTask>();
  const ours = images.readOne('inventory').root_ids;
  const memory = new Map<RestoreTask, TaskMappings>();
  for (const entry of parentsFirst(entries, path)) {
    const parent = byPid.get(entry.ppid) ?? null;
    const task = readTask(images, sources, entry, parent, memory);
    for (const thread of task.threads) if (!thread.isLeader) claimNumber(numbers, thread.tid, path);
    checkNamespaces(task, ours);
    parent?.children.push(task);
    byPid.set(task.pid, task);
  }
  return { tasks: [...byPid.values()], memory };
}

/** A view of the entries that lets shell-job.ts change the session and group. */
function idsOf(entries: PstreeEntry[]): PstreeEntry[] {
  return entries;
}

/** Threads of zombies are not looked at: CRIU leaves anything there. */
function claimNumber(seen: Set<number>, tid: number, path: string): void {
  if (tid < 1 || tid > PID_MAX) throw bad(path, `has the impossible pid ${tid}`);
  if (seen.has(tid)) throw bad(path, `has pid ${tid} twice`);
  seen.add(tid);
}

function parentsFirst(entries: readonly PstreeEntry[], path: string): PstreeEntry[] {
  const pids = new Set(entries.map((entry) => entry.pid));
  const children = new Map<number, PstreeEntry[]>();
  const roots: PstreeEntry[] = [];
  for (const entry of entries) {
    if (!pids.has(entry.ppid)) roots.push(entry);
    else if (children.has(entry.ppid)) children.get(entry.ppid)!.push(entry);
    else children.set(entry.ppid, [entry]);
  }
  const [root] = roots;
  if (!root || roots.length > 1) throw bad(path, `has ${roots.length} processes without a parent in it; one is the root`);
  const out = [root];
  for (let i = 0; i < out.length; i++) out.push(...(children.get(out[i]!.pid) ?? []));
  if (out.length !== entries.length) throw bad(path, 'has processes that are not below the root');
  return out;
}

function readTask(
  images: ImageReader,
  sources: PageSources,
  entry: PstreeEntry,
  parent: RestoreTask | null,
  memory: Map<RestoreTask, TaskMappings>,
): RestoreTask {
  const { pid } = entry;
  const core = images.readOne('core', pid);
  const state = core.tc?.task_state;
  const base = { pid, sid: entry.sid, pgid: entry.pgid, parent, children: [], core };
  if (state === TASK_STATE.dead) return { ...base, kind: 'zombie', threads: [], mm: null, ids: null, pages: null };
  if (state !== TASK_STATE.alive && state !== TASK_STATE.stopped)
    throw bad(images.pathOf(`core-${pid}.img`), `is in state ${state}, which is not known`);
  const mm = images.readOne('mm', pid);
  if (mm.aios.length > 0)
    throw new CrError('CR_IMAGE_FEATURE', { message: 'has AIO rings, which are not built yet', subject: { pid }, target: 'not started' });
  const pages = readPageMap(images, sources, 'pagemap', pid);
  const task: RestoreTask = { ...base, kind: 'live', threads: [], mm, ids: core.ids ?? images.readOne('ids', pid), pages };
  task.threads.push(...readThreads(images, task, entry, core));
  memory.set(task, readVmas(pid, mm.vmas));
  checkSharing(task);
  return task;
}

function readThreads(images: ImageReader, task: RestoreTask, entry: PstreeEntry, core: CoreEntry): RestoreThread[] {
  const others = entry.threads.filter((tid) => tid !== task.pid);
  const leader = { task, tid: task.pid, core, isLeader: true };
  return [leader, ...others.map((tid) => ({ task, tid, core: images.readOne('core', tid), isLeader: false }))];
}

/** Kinds that are not built; the IPC namespace is (core/resources/ipc). */
const OUR_NAMESPACES = ['pid', 'net', 'uts', 'mnt', 'user', 'cgroup', 'time'] as const;

/** @param ours ids of the tool that made the dump: a tree with the same ones was in its namespaces. Old images have none. */
function checkNamespaces(task: RestoreTask, ours: TaskKobjIdsEntry | undefined): void {
  const other = OUR_NAMESPACES.find((kind) => {
    const [theirs, own] = [task.ids?.[`${kind}_ns_id`], ours?.[`${kind}_ns_id`]];
    return theirs !== undefined && own !== undefined && theirs !== own;
  });
  if (other)
    throw new CrError('CR_IMAGE_FEATURE', {
      message: `had a ${other} namespace of its own, which is not built yet`,
      subject: { pid: task.pid },
      hint: 'Restore it with CRIU.',
      target: 'not started',
    });
}

function checkSharing(task: RestoreTask): void {
  const up = task.parent?.ids;
  if (up && (up.vm_id === task.ids!.vm_id || up.sighand_id === task.ids!.sighand_id))
    throw new CrError('CR_IMAGE_FEATURE', {
      message: 'shares its memory or signal handlers with another process (vfork or CLONE_VM), which is not built yet',
      subject: { pid: task.pid },
      target: 'not started',
    });
}
