/** What a restore knows about the tree that it builds. */
import type { Hooks } from '../hooks.js';
import type { CoreEntry } from '../images/generated/core.js';
import type { MmEntry } from '../images/generated/memory.js';
import type { TaskKobjIdsEntry } from '../images/generated/task.js';
import type { ImageReader } from '../images/reader.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { LocalCalls } from '../kernel/local.js';
import type { Log } from '../log.js';
import type { ResolvedRestoreOptions } from '../options.js';
import type { PstreeTask, TaskKind } from '../pstree/model.js';
import type { Arena } from '../program/arena.js';
import type { ExtraState } from '../resources/extra-state.js';
import type { IpcRestore } from '../resources/ipc/restore.js';
import type { RestoreFiles } from '../resources/files/restore.js';
import type { PageMap } from '../resources/memory/page-map.js';
import type { OwnState } from '../kernel/own-state.js';
import type { ServiceFds } from './service-fds.js';

export interface RestoreThread {
  readonly task: RestoreTask;
  /** Id in the thread's own pid namespace, as the image has it. */
  readonly tid: number;
  readonly core: CoreEntry;
  readonly isLeader: boolean;
}

/** `kind` helper: not in the images; it gives its number or passes others on, and is gone before the tree runs. */
export interface RestoreTask extends PstreeTask<RestoreTask> {
  readonly kind: TaskKind;
  readonly pid: number;
  readonly sid: number;
  readonly pgid: number;
  readonly parent: RestoreTask | null;
  readonly children: RestoreTask[];
  /** Leader first. Empty for zombies and helpers. */
  readonly threads: RestoreThread[];
  /** Null for helpers. */
  readonly core: CoreEntry | null;
  /** These are null for zombies and helpers. */
  readonly mm: MmEntry | null;
  readonly ids: TaskKobjIdsEntry | null;
  /** Private pages by address. */
  readonly pages: PageMap | null;
}

export interface RestoreRun {
  readonly options: ResolvedRestoreOptions;
  readonly log: Log;
  readonly hooks: Hooks;
  readonly thread: KernelThread;
  readonly calls: LocalCalls;
  readonly images: ImageReader;
  /** What CRIU's images cannot hold. */
  readonly extra: ExtraState;
  /** What seeds inherit from us. */
  readonly own: OwnState;
  /** Parents before children. */
  readonly tasks: RestoreTask[];
  /** The arena that all seeds share with us, at one address everywhere. */
  readonly arena: Arena;
  /** Descriptors that every seed is born with. */
  readonly service: ServiceFds;
  readonly files: RestoreFiles;
  readonly ipc: IpcRestore;
}
