/** Plugins in a dump: when each hook is called, with what, and what its answers mean. The run calls these methods at its stages. */
import { CrError } from '../errors.js';
import type { Hooks } from '../hooks.js';
import type { ImageWriter } from '../images/writer.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { Log } from '../log.js';
import type { DumpOptions, ResolvedDumpOptions } from '../options.js';
import type { ResumedTree } from './contexts.js';
import { TreeObjects } from './needs.js';
import { chooserOf, openChosen, type OpenPlugins, watchOf } from './open.js';
import { writtenImages } from './plugin-images.js';
import { writeRecord } from '../images/plugin-record.js';
import { type WaitingPlugin, waitingPlugin } from './waiting.js';
import { runningTree, stoppedTree, type TaskNumbers } from './stopped-tree.js';

export interface DumpPluginsRequest {
  readonly options: ResolvedDumpOptions;
  readonly hooks: Hooks;
  readonly log: Log;
  readonly thread: KernelThread;
  /** Processes of the tree, while it runs. */
  pids(): readonly number[];
  /** Null before there are images. */
  images(): ImageWriter | null;
}

export class DumpPlugins {
  /** dump.pauseDevices was begun, and nothing has undone it yet. */
  private paused = false;

  private constructor(
    private readonly open: OpenPlugins,
    private readonly request: DumpPluginsRequest,
  ) {}

  /** Without plugins: null. `idle` are those that only lack an object in the tree. @throws CrError CR_PLUGIN, CR_PLUGIN_MISSING */
  static async start(
    request: DumpPluginsRequest,
  ): Promise<{ readonly plugins: DumpPlugins | null; readonly idle: readonly WaitingPlugin[] }> {
    const { options, hooks, log, thread } = request;
    const objects = new TreeObjects(thread.proc, () => request.pids());
    const chosen = await chooserOf(options, 'dump', log).forDump(objects);
    const open = openChosen(chosen, {
      operation: 'dump',
      options,
      hooks,
      log,
      proc: thread.proc,
      watch: watchOf(thread, options),
      images: (plugin) => writtenImages(request.images, plugin),
    });
    const idle = chosen.idle.map(({ manifest, folder }) => waitingPlugin(manifest, folder));
    return { plugins: open && new DumpPlugins(open, request), idle };
  }

  /** The plan after dump.options. @throws CrError CR_PLUGIN for a plan that makes no sense */
  async plan(options: Pick<DumpOptions, 'timeoutMs'>): Promise<number> {
    const answers = await this.request.hooks.ask('dump.options', { timeoutMs: options.timeoutMs ?? 0 });
    const { timeoutMs } = answers.at(-1)?.answer ?? { timeoutMs: options.timeoutMs ?? 0 };
    if (Number.isInteger(timeoutMs) && timeoutMs >= 0 && timeoutMs <= 86_400_000) return timeoutMs;
    throw new CrError('CR_PLUGIN', { message: `plugin ${answers.at(-1)?.plugin} answered timeoutMs ${timeoutMs}`, target: 'running' });
  }

  async pause(tasks: readonly { readonly pid: number; readonly parent: number }[]): Promise<void> {
    if (this.request.hooks.tappedBy('dump.pauseDevices').length === 0) return;
    this.paused = true;
    await this.request.hooks.ask('dump.pauseDevices', runningTree(this.request.thread.proc, tasks));
  }

  private stopped(tasks: readonly TaskNumbers[], note = true) {
    return stoppedTree(this.request.thread, tasks, (pid, what) => {
      if (note) this.open.session.noteCurrent({ pid, what });
    });
  }

  /** Why the tree must run once more before it can be dumped; null when it need not. */
  async checkpoint(tasks: readonly TaskNumbers[]): Promise<string | null> {
    this.paused = true;
    const answers = await this.request.hooks.ask('dump.checkpointDevices', this.stopped(tasks));
    const retry = answers.find(({ answer }) => 'retry' in answer);
    if (!retry) for (const objects of [this.open.files, this.open.mappings]) objects.stop();
    return retry ? `${retry.plugin}: ${(retry.answer as { retry: string }).retry}` : null;
  }

  saveFiles(): Promise<void> {
    return this.open.files.save();
  }

  async late(tasks: readonly TaskNumbers[]): Promise<void> {
    await this.request.hooks.ask('dump.devicesLate', this.stopped(tasks));
  }

  /**
   * Undoes dump.pauseDevices and dump.checkpointDevices. The tree stands, with its own registers; or it runs (`frozen` is false), because it was never stopped
   * or has freed itself: then its threads need not be let run.
   */
  async resume(tasks: readonly TaskNumbers[], outcome: ResumedTree['outcome'], frozen = true): Promise<void> {
    if (!this.paused) return;
    this.paused = false;
    for (const objects of [this.open.files, this.open.mappings]) objects.run();
    // What gives something back is no part of the checkpoint.
    const tree = frozen ? this.stopped(tasks, false) : runningTree(this.request.thread.proc, tasks);
    await this.request.hooks.ask('dump.resumeDevices', { ...tree, outcome });
  }

  /** Names for the inventory. */
  get used(): string[] {
    return this.open.session.used.map(({ manifest }) => manifest.name);
  }

  record(images: ImageWriter, dumpId: string): void {
    writeRecord(images, dumpId, this.open.session.records());
  }

  failed(): Promise<void> {
    return this.open.session.failed();
  }

  close(): Promise<void> {
    return this.open.close();
  }
}
