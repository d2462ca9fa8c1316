/**
 * The stages of dump, pre-dump and restore, in order: the one table from which the runner, the hooks, `criu-ts stages` and core/docs/stages.md come.
 */

export interface StageInfo {
  /** State of the processes while the stage runs. */
  readonly target: 'running' | 'frozen' | 'none' | 'parked' | 'final';
  /** `timeout`: --timeout applies, to each such stage for itself; `none`: bounded by its own calls. */
  readonly deadline: 'timeout' | 'none';
  readonly doc: string;
  /** What takes the stage back when a later one fails. */
  readonly undo: string;
}

const dumpStages = {
  prepare: { target: 'running', deadline: 'none', doc: 'Options, image folder, log, host facts.', undo: 'nothing to undo' },
  preDumpScript: { target: 'running', deadline: 'none', doc: 'Action script pre-dump.', undo: 'nothing to undo' },
  preflight: {
    target: 'running',
    deadline: 'none',
    doc: 'Walks the whole tree once, claims every object, refuses in one report what cannot be dumped.',
    undo: 'nothing to undo',
  },
  pauseDevices: {
    target: 'running',
    deadline: 'none',
    doc: 'Work that the kernel cannot freeze is stopped (plugins); facts of the host that take long to ask.',
    undo: 'failed hooks',
  },
  freeze: { target: 'running', deadline: 'timeout', doc: 'Every thread is seized and stopped.', undo: 'detach: the threads run on' },
  checkpointDevices: {
    target: 'frozen',
    deadline: 'none',
    doc: 'Device state moves into host memory (plugins).',
    undo: 'failed hooks',
  },
  readOutside: {
    target: 'frozen',
    deadline: 'none',
    doc: 'Registers, masks, pending signals, scheduling: no target instruction runs.',
    undo: 'nothing to undo',
  },
  infect: { target: 'frozen', deadline: 'timeout', doc: 'Rescue stub, shared arena, daemons.', undo: 'cure' },
  readInside: { target: 'frozen', deadline: 'timeout', doc: 'Programs in the target ask what only it can tell.', undo: 'nothing to undo' },
  files: { target: 'frozen', deadline: 'none', doc: 'Descriptor tables, open files, pipes, ghosts.', undo: 'link remaps are removed' },
  memory: { target: 'frozen', deadline: 'none', doc: 'Mappings and pages.', undo: 'image files are removed' },
  dumpDevicesLate: {
    target: 'frozen',
    deadline: 'none',
    doc: 'Device state that needs the process dump done (plugins).',
    undo: 'failed hooks',
  },
  sharedMemory: {
    target: 'frozen',
    deadline: 'none',
    doc: 'Shared anonymous memory, memfds, SysV segments.',
    undo: 'image files are removed',
  },
  write: {
    target: 'frozen',
    deadline: 'none',
    doc: 'core, mm, ids and pstree of every process are put together.',
    undo: 'nothing to undo',
  },
  cure: { target: 'frozen', deadline: 'timeout', doc: 'Daemons stop, arenas are unmapped, registers come back.', undo: 'nothing to undo' },
  resumeDevices: {
    target: 'frozen',
    deadline: 'none',
    doc: 'Devices go on when the tree goes on (plugins); after postDumpScript when scripts want to see the tree frozen.',
    undo: 'nothing to undo',
  },
  store: {
    target: 'frozen',
    deadline: 'none',
    doc: 'The images are written, inventory last. A tree that goes on has gone on by then, unless a post-dump script wants to see it frozen.',
    undo: 'image files are removed',
  },
  postDumpScript: {
    target: 'frozen',
    deadline: 'none',
    doc: 'Action script post-dump; failing keeps the tree running.',
    undo: 'nothing to undo',
  },
  finish: { target: 'final', deadline: 'none', doc: 'The tree is killed, stopped or let go; stats are written.', undo: 'nothing to undo' },
} as const satisfies Record<string, StageInfo>;

const preDumpStages = {
  prepare: dumpStages.prepare,
  preflight: dumpStages.preflight,
  pauseDevices: dumpStages.pauseDevices,
  freeze: dumpStages.freeze,
  infect: dumpStages.infect,
  memory: dumpStages.memory,
  sharedMemory: dumpStages.sharedMemory,
  cure: dumpStages.cure,
  resumeDevices: dumpStages.resumeDevices,
  store: dumpStages.store,
  finish: dumpStages.finish,
} as const satisfies Record<string, StageInfo>;

const restoreStages = {
  prepare: { target: 'none', deadline: 'none', doc: 'Options, image folder, inventory, required plugins.', undo: 'nothing to undo' },
  read: { target: 'none', deadline: 'none', doc: 'All images are read and checked.', undo: 'nothing to undo' },
  plan: { target: 'none', deadline: 'none', doc: 'Pids, files and host facts are checked; the tree is planned.', undo: 'nothing to undo' },
  preRestoreScript: { target: 'none', deadline: 'none', doc: 'Action script pre-restore.', undo: 'nothing to undo' },
  restoreInit: { target: 'none', deadline: 'none', doc: 'Plugins prepare (before anything is created).', undo: 'failed hooks' },
  openFiles: {
    target: 'none',
    deadline: 'none',
    doc: 'Every file description is opened once, for the seeds to inherit; deleted files are made again.',
    undo: 'created files are removed',
  },
  seed: { target: 'parked', deadline: 'none', doc: 'The root seed is cloned with its pid.', undo: 'everything created is killed' },
  setupNamespaces: {
    target: 'parked',
    deadline: 'none',
    doc: "System V IPC objects; with a namespace of the tree's own also that, and before it the action script setup-namespaces.",
    undo: 'everything created is killed',
  },
  postSetupNamespaces: {
    target: 'parked',
    deadline: 'none',
    doc: 'Action script post-setup-namespaces, when there is a namespace.',
    undo: 'everything created is killed',
  },
  fork: {
    target: 'parked',
    deadline: 'none',
    doc: 'Memory is mapped and filled, children are forked, so that copy-on-write stays shared.',
    undo: 'everything created is killed',
  },
  postForking: { target: 'parked', deadline: 'none', doc: 'All processes exist (plugins).', undo: 'everything created is killed' },
  tasks: {
    target: 'parked',
    deadline: 'none',
    doc: 'Process groups, descriptors, attributes of processes, threads, timers; zombies end.',
    undo: 'everything created is killed',
  },
  signals: {
    target: 'parked',
    deadline: 'none',
    doc: 'Helpers are reaped, signals get their actions, and what was queued is queued again.',
    undo: 'everything created is killed',
  },
  credentials: {
    target: 'parked',
    deadline: 'none',
    doc: "Limits, every thread's own state and credentials: the last moment with our rights.",
    undo: 'everything created is killed',
  },
  arm: {
    target: 'parked',
    deadline: 'none',
    doc: 'Timers are armed, and what credentials would have reset.',
    undo: 'everything created is killed',
  },
  postRestoreScript: {
    target: 'parked',
    deadline: 'none',
    doc: 'Action script post-restore; failing ends the restore.',
    undo: 'everything created is killed',
  },
  release: {
    target: 'parked',
    deadline: 'none',
    doc: 'Threads are seized, the arena is unmapped, registers are set.',
    undo: 'everything created is killed',
  },
  resumeDevicesLate: {
    target: 'frozen',
    deadline: 'none',
    doc: 'Device state comes back while the threads are stopped (plugins).',
    undo: 'everything created is killed',
  },
  preResumeScript: {
    target: 'frozen',
    deadline: 'none',
    doc: 'Action script pre-resume; a failure is only logged.',
    undo: 'nothing to undo',
  },
  resume: { target: 'final', deadline: 'none', doc: 'Threads are detached and run.', undo: 'nothing to undo' },
  postResumeScript: {
    target: 'final',
    deadline: 'none',
    doc: 'Action script post-resume; a failure is only logged.',
    undo: 'nothing to undo',
  },
} as const satisfies Record<string, StageInfo>;

export const STAGES = { dump: dumpStages, preDump: preDumpStages, restore: restoreStages } as const;

export type Operation = keyof typeof STAGES;
export type StageName<O extends Operation> = keyof (typeof STAGES)[O] & string;
