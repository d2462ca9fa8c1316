/** Plugins in a restore: which are loaded is the inventory's word; when each hook is called, and what its answers mean. */
import { CrError } from '../errors.js';
import type { Hooks } from '../hooks.js';
import type { InventoryEntry } from '../images/generated/inventory.js';
import type { ImageReader } from '../images/reader.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { Log } from '../log.js';
import type { ResolvedRestoreOptions } from '../options.js';
import type { NativeRunOptions, PluginRecord, RestoreOptionsPlan, RestorePlan, SeedTask, SeenTask, SyscallProgram } from './contexts.js';
import type { RestoreFiles } from '../resources/files/restore.js';
import { demandOf, enforce } from './enforce.js';
import { chooserOf, openChosen, type OpenPlugins, watchOf } from './open.js';
import { readImages } from './plugin-images.js';
import { readRecord } from '../images/plugin-record.js';
import { stoppedTree } from './stopped-tree.js';
import { runTaskProgram } from './task-program.js';

export interface RestorePluginsRequest {
  readonly options: ResolvedRestoreOptions;
  readonly hooks: Hooks;
  readonly log: Log;
  readonly thread: KernelThread;
  readonly images: ImageReader;
  readonly inventory: InventoryEntry;
}

export class RestorePlugins {
  private constructor(
    private readonly open: OpenPlugins,
    private readonly request: RestorePluginsRequest,
    private readonly records: readonly PluginRecord[] | null,
  ) {}

  /** Null when none are needed. @throws CrError CR_PLUGIN_MISSING with the verdict about every name */
  static async start(request: RestorePluginsRequest): Promise<RestorePlugins | null> {
    const { options, hooks, log, thread, images, inventory } = request;
    const demand = demandOf(inventory, images.pathOf('inventory.img'));
    const records = readRecord(images);
    const chosen = await chooserOf(options, 'restore', log).forRestore(demand, records);
    enforce(chosen.verdicts);
    const open = openChosen(chosen, {
      operation: 'restore',
      options,
      hooks,
      log,
      proc: thread.proc,
      watch: watchOf(thread, options),
      images: (plugin) => readImages(images, plugin),
    });
    open?.files.useRecord(records ?? []);
    open?.mappings.useRecord(records ?? []);
    return open && new RestorePlugins(open, request, records);
  }

  /** The options after restore.options. @throws CrError CR_PLUGIN for a plan that makes no sense */
  async planned(): Promise<ResolvedRestoreOptions> {
    const { hooks, options } = this.request;
    const { skipFileRwxCheck } = options;
    const last = (await hooks.ask('restore.options', { skipFileRwxCheck })).at(-1);
    if (!last) return options;
    const { plugin } = last;
    // Whatever it is: the types are those of a plugin that keeps to them.
    const answer = last.answer as Partial<RestoreOptionsPlan> | null;
    if (typeof answer?.skipFileRwxCheck === 'boolean') return { ...options, skipFileRwxCheck: answer.skipFileRwxCheck };
    throw new CrError('CR_PLUGIN', {
      message: `plugin ${plugin} answered skipFileRwxCheck ${String(answer?.skipFileRwxCheck)}`,
      target: 'not started',
    });
  }

  private plan(tasks: readonly SeenTask[], plugin: string): RestorePlan {
    return { root: tasks[0]?.pid ?? 0, tasks, record: this.records?.find(({ name }) => name === plugin) ?? null };
  }

  /** Reasons of all plugins together. @throws CrError CR_PLUGIN_MISSING */
  async check(tasks: readonly SeenTask[]): Promise<void> {
    const { hooks } = this.request;
    const lines: string[] = [];
    for (const name of hooks.tappedBy('restore.check'))
      for (const { answer } of await hooks.ask('restore.check', this.plan(tasks, name), name))
        lines.push(...reasonsOf(name, answer).map((line) => `  ${name}: ${line}`));
    if (lines.length === 0) return;
    throw new CrError('CR_PLUGIN_MISSING', {
      message: `this host lacks what the checkpoint needs:\n${lines.join('\n')}`,
      hint: 'Each line says what to do.',
      target: 'not started',
    });
  }

  async init(tasks: readonly SeenTask[]): Promise<void> {
    const { hooks } = this.request;
    for (const name of hooks.tappedBy('restore.init')) await hooks.ask('restore.init', this.plan(tasks, name), name);
  }

  async openFiles(files: RestoreFiles): Promise<void> {
    await this.open.files.open();
    await this.open.mappings.place(files);
  }

  /** @param run runs a program in a seed */
  async postForking(
    tasks: readonly SeenTask[],
    run: (pid: number, name: string, emit: (p: SyscallProgram) => unknown) => Promise<unknown>,
  ): Promise<void> {
    const seeds = tasks.map((task): SeedTask => {
      const inTask = async <T>(name: string, emit: (p: SyscallProgram) => T) => (await run(task.pid, name, emit)) as T;
      const runNative = (program: Uint8Array, given?: NativeRunOptions) => runTaskProgram(task.pid, inTask, program, given);
      return { ...task, run: inTask, runNative };
    });
    await this.request.hooks.ask('restore.postForking', { root: tasks[0]?.pid ?? 0, tasks: seeds });
  }

  async resumeDevices(tasks: readonly SeenTask[]): Promise<void> {
    const { hooks, thread } = this.request;
    if (hooks.tappedBy('restore.resumeDevices').length === 0) return;
    await hooks.ask(
      'restore.resumeDevices',
      stoppedTree(thread, tasks, () => undefined),
    );
  }

  failed(): Promise<void> {
    return this.open.session.failed();
  }

  close(): Promise<void> {
    return this.open.close();
  }
}

/** @throws CrError CR_PLUGIN for anything but texts */
function reasonsOf(plugin: string, answer: unknown): readonly string[] {
  if (Array.isArray(answer) && answer.every((line) => typeof line === 'string')) return answer;
  throw new CrError('CR_PLUGIN', {
    message: `plugin ${plugin} answered restore.check with something else than texts`,
    target: 'not started',
  });
}
