/** What a dump knows about its tree. Filled by the stages in order; resources read and complete it. */
import type { Hooks } from '../hooks.js';
import type { CoreEntry } from '../images/generated/core.js';
import type { MmEntry } from '../images/generated/memory.js';
import type { ImageWriter } from '../images/writer.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { Parasite } from '../kernel/parasite.js';
import type { SmapsVma } from '../kernel/procfs/smaps.js';
import type { Stat } from '../kernel/procfs/stat.js';
import type { Status } from '../kernel/procfs/status.js';
import type { TracedProcess, Tracee } from '../kernel/tracee.js';
import type { Log } from '../log.js';
import type { ResolvedDumpOptions } from '../options.js';
import type { BuildIds } from '../resources/files/build-id.js';
import type { ExtraState } from '../resources/extra-state.js';
import type { IpcDump } from '../resources/ipc/dump.js';

export interface DumpThread {
  readonly task: DumpTask;
  readonly tracee: Tracee;
  /** Id in our pid namespace. */
  readonly tid: number;
  /** Id in the thread's own pid namespace: what images hold. */
  readonly nsTid: number;
  /** The thread that acts for the process (Parasite). */
  readonly isMain: boolean;
  /** Image of this thread; that of the leader is also the task's. */
  readonly core: CoreEntry;
}

export interface DumpTask {
  readonly pid: number;
  readonly nsPid: number;
  readonly parent: DumpTask | null;
  stat: Stat;
  status: Status;
  /** Null for a zombie (and before the freeze). */
  traced: TracedProcess | null;
  parasite: Parasite | null;
  /** Leader first. Empty for a zombie; for one of these `core` stands alone. */
  threads: DumpThread[];
  /** The leader's image. */
  core: CoreEntry;
  readonly mm: MmEntry;
  /** Signals that were queued for the process at the freeze (pending-signals.ts). */
  sharedSignals: readonly Buffer[];
  /** Mappings of the target without those of our own. */
  vmas: SmapsVma[];
}

export interface DumpRun {
  readonly options: ResolvedDumpOptions;
  readonly log: Log;
  readonly hooks: Hooks;
  readonly thread: KernelThread;
  readonly images: ImageWriter;
  /** Names this dump in the inventory and in what belongs to it. */
  readonly id: string;
  /** What CRIU's images cannot hold. */
  readonly extra: ExtraState;
  readonly ipc: IpcDump;
  readonly buildIds: BuildIds;
  /** Parents before children. */
  readonly tasks: DumpTask[];
}
