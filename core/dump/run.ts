/**
 * dump(): the stages of core/stages.ts in order. Until the tree is frozen nothing can harm it; from then on every path out goes through `release`,
 * and if even that fails (or we die, or the watchdog fires) the kernel thread ends and every task heals itself.
 */
import { nowMs } from '../clock.js';
import { resolve } from 'node:path';
import { CrError, withTarget } from '../errors.js';
import { createHooks } from '../attach.js';
import type { Hooks } from '../hooks.js';
import { ImageWriter } from '../images/writer.js';
import { CgroupFreezer } from '../kernel/cgroup-freezer.js';
import { cureAll } from '../kernel/cure.js';
import { KernelThread } from '../kernel/kernel-thread.js';
import { RobustList } from '../kernel/robust-list.js';
import { observerOf } from '../program/observer.js';
import { logFailure, openLog, silentLog, type Log } from '../log.js';
import { resolveDumpOptions, type DumpOptions, type DumpResult, type ResolvedDumpOptions } from '../options.js';
import { ExtraState } from '../resources/extra-state.js';
import { BuildIds } from '../resources/files/build-id.js';
import { DumpFiles } from '../resources/files/table.js';
import { IpcDump } from '../resources/ipc/dump.js';
import { FIRST_PAGES, MemoryDump } from '../resources/memory/dump.js';
import { checkPrivileges } from '../privileges.js';
import { ActionScripts } from '../scripts.js';
import { StageRunner } from '../stage-runner.js';
import { FilesAhead } from './ahead.js';
import { freezeAll } from './freeze-all.js';
import { infect, readInside, readOutside } from './collect.js';
import { killTree, resumeTree, stopTree } from './final.js';
import type { DumpRun, DumpTask } from './model.js';
import type { DumpPlugins } from '../plugins/dump-plugins.js';
import { nodeNumbers, PluginOpening, taskNumbers } from './plugins.js';
import { preflight } from './preflight.js';
import { checkImageFolder } from './folder.js';
import { DumpClock, writeStats } from './stats.js';
import { addThreads, newTask } from './tasks.js';
import { checkRoot, explainLoss } from './lost.js';
import { checkLeaders, walkTree, type TreeNode } from './tree.js';
import { inventory, newRunId, writeTasks } from './write.js';
import { isZombie } from '../kernel/procfs/stat.js';

/** How often a plugin may ask for the tree to run again. */
const MAX_TURNS = 3;

/** Dumps a tree. See DumpOptions; rejects with CrError, whose `target` says in what state the tree is. */
export async function dump(options: DumpOptions, hooks = createHooks()): Promise<DumpResult> {
  const resolved = resolveDumpOptions(options);
  const log = options.log ?? runLog(resolved);
  const session = new DumpSession(resolved, log, hooks);
  try {
    return await session.dump();
  } catch (error) {
    await session.failed();
    const failure = withTarget(error, 'running');
    logFailure(log, failure);
    throw failure;
  } finally {
    await session.close();
    if (!options.log) log.close();
  }
}

/** The command makes its own log; the library writes one only when it was asked for. */
function runLog(options: ResolvedDumpOptions): Log {
  if (options.logFile === undefined) return silentLog();
  return openLog({ workDir: options.workDir, logFile: options.logFile, verbosity: options.verbosity });
}

class DumpSession {
  private readonly thread = new KernelThread();
  private readonly clock = new DumpClock();
  private readonly stages: StageRunner<'dump'>;
  private readonly tasks: DumpTask[] = [];
  private readonly buildIds = new BuildIds();
  private run: DumpRun | null = null;
  private files: DumpFiles | null = null;
  private memory: MemoryDump | null = null;
  private ahead: FilesAhead | null = null;
  /** The tree as the pre-flight saw it. */
  private nodes: readonly TreeNode[] = [];
  private frozen = false;
  /** State of the tree once the last step has begun: nothing is taken back any more. */
  private final: DumpResult['state'] | null = null;
  private freezer: CgroupFreezer | null = null;
  private bytesCopied = 0;
  private expected: number | null = null;
  private readonly opening: PluginOpening;
  private images: ImageWriter | null = null;
  /** --timeout, or what a plugin made of it. */
  private timeoutMs: number;

  constructor(
    private readonly options: ResolvedDumpOptions,
    private readonly log: DumpRun['log'],
    private readonly hooks: Hooks,
  ) {
    this.thread.observer = observerOf(options);
    this.timeoutMs = options.timeoutMs;
    this.opening = new PluginOpening({ options, hooks, log, thread: this.thread, images: () => this.images });
    this.stages = new StageRunner('dump', { hooks, log, pid: options.pid, signal: options.signal, onProgress: options.onProgress });
  }

  /** Null when there are none: then nothing of the plugin framework is loaded. */
  private get plugins(): DumpPlugins | null {
    return this.opening.plugins;
  }

  /** For failures from which nothing has to be let go. */
  async failed(): Promise<void> {
    await this.stages.failed();
    await this.plugins?.failed();
  }

  async close(): Promise<void> {
    await this.plugins?.close();
    this.memory?.close();
    this.run?.ipc.close();
    this.thread.close();
  }

  async dump(): Promise<DumpResult> {
    const { options, stages } = this;
    const scripts = new ActionScripts({
      scripts: options.actionScripts,
      imagesDir: options.imagesDir,
      workDir: options.workDir,
      log: this.log,
      signal: options.signal,
    });
    await stages.run('prepare', async () => {
      checkPrivileges(this.thread.proc, 'dump', 'running');
      checkImageFolder(options.imagesDir);
      await this.opening.start();
      this.timeoutMs = (await this.plugins?.plan(options)) ?? options.timeoutMs;
      if (options.freezeCgroup !== undefined) this.freezer = new CgroupFreezer(resolve(options.workDir, options.freezeCgroup));
    });
    if (!options.dryRun) await stages.run('preDumpScript', () => scripts.run('pre-dump', 'running', options.pid));
    const { log, hooks, thread, buildIds, tasks } = this;
    const sharedMemory = new Set<string>();
    const look = () => preflight({ thread, options, hooks, log, buildIds, sharedMemory });
    this.nodes = await stages.run('preflight', () => this.opening.preflight(look));
    if (options.dryRun) return planned(this.nodes);
    const images = new ImageWriter(options.imagesDir);
    this.images = images;
    const extra = new ExtraState();
    const ipc = new IpcDump({ thread, images, tasks, extra });
    this.run = { options, log, hooks, thread, images, id: newRunId(), extra, ipc, buildIds, tasks };
    try {
      this.ahead = FilesAhead.start(this.thread, images, this.nodes, sharedMemory.size);
      await this.ahead?.ready();
      await this.frozenPart(this.run);
      await this.store(this.run);
      await stages.run('postDumpScript', () => scripts.run('post-dump', 'running', options.pid));
      return await this.finish(this.run);
    } catch (error) {
      // The images may be all that is left of the tree.
      if (this.final !== null) throw withTarget(error, this.final);
      await this.endAhead();
      images.abort();
      this.files?.undo();
      await this.letGo(error);
      throw this.frozen ? explainLoss(this.thread.proc, error, this.nodes) : error;
    }
  }

  /** From freeze to cured: afterwards the tasks are stopped with their own registers. */
  private async frozenPart(run: DumpRun): Promise<void> {
    const { stages, thread } = this;
    const robust = new RobustList(thread);
    const files = new DumpFiles(run);
    this.files = files;
    const resident = this.nodes.reduce((n, { status }) => n + (status.vm?.rss ?? 0), 0);
    const memory = new MemoryDump(run, files, resident, (bytes) => this.copied(bytes));
    this.memory = memory;
    // There is one in every dump; to make it costs as much as copying a small task's memory.
    run.images.rawFile(FIRST_PAGES);
    await this.stop(run);
    await stages.run('readOutside', () => {
      readOutside(run);
      run.ipc.collect();
    });
    await stages.run('infect', () => {
      for (const task of this.liveTasks()) memory.saveVdso(task);
      thread.within(this.timeoutMs, () => infect(run, robust));
    });
    await stages.run('readInside', () => {
      thread.within(this.timeoutMs, () => readInside(run));
      run.ipc.readUndo();
    });
    await stages.run('files', async () => {
      files.dump();
      await this.plugins?.saveFiles();
    });
    const start = nowMs();
    await stages.run('memory', async () => {
      for (const task of this.liveTasks()) {
        await memory.dumpTask(task);
        task.mm.exe_file_id = files.exe(task);
      }
    });
    await stages.run('dumpDevicesLate', () => this.plugins?.late(taskNumbers(this.tasks)));
    await stages.run('sharedMemory', () => memory.dumpShared());
    this.clock.memory(nowMs() - start, memory.counts);
    await stages.run('write', () => writeTasks(run, files));
    await stages.run('cure', () => this.cure());
  }

  /**
   * From a tree that runs to one that stands with its device state in memory. Between pause and freeze a process may have begun to use a device that the
   * plugin must pause first: then the tree runs once more.
   */
  private async stop(run: DumpRun): Promise<void> {
    const { stages, plugins } = this;
    for (let turn = 1; ; turn++) {
      await stages.run('pauseDevices', async () => {
        for (const resource of run.hooks.resources) resource.prepare?.();
        await plugins?.pause(nodeNumbers(this.nodes));
      });
      await stages.run('freeze', () => this.freeze());
      const retry = await stages.run('checkpointDevices', () => plugins?.checkpoint(taskNumbers(this.tasks)) ?? null);
      if (retry === null) return;
      if (turn === MAX_TURNS)
        throw new CrError('CR_FREEZE', {
          message: `the tree was stopped ${turn} times and had to run again each time: ${retry}`,
          subject: { pid: this.options.pid },
          target: 'running',
        });
      this.log.info(`The tree runs once more: ${retry}`);
      await plugins?.resume(taskNumbers(this.tasks), 'running');
      this.freezer?.restore();
      resumeTree(this.thread, this.tasks.splice(0));
      this.frozen = false;
      this.nodes = walkTree(this.thread.proc, this.options.pid);
    }
  }

  /** What follows does not need the tree any more; whether it still stands decides only what a failure means. */
  private async store(run: DumpRun): Promise<void> {
    if (this.options.leaveRunning && this.options.actionScripts.length === 0) await this.goOn();
    await this.stages.run('store', async () => {
      await this.endAhead();
      this.plugins?.record(run.images, run.id);
      run.images.finish(inventory(run.id, this.plugins?.used ?? []));
    });
  }

  private async endAhead(): Promise<void> {
    const { ahead } = this;
    this.ahead = null;
    await ahead?.end();
  }

  private async goOn(): Promise<void> {
    await this.stages.run('resumeDevices', () => this.plugins?.resume(taskNumbers(this.tasks), 'running'));
    this.freezer?.restore();
    resumeTree(this.thread, this.tasks);
    this.frozen = false;
    this.clock.finished();
  }

  /** Between parts of a copy: the moment to cancel, and to say how far it is. */
  private async copied(bytes: number): Promise<void> {
    this.bytesCopied += bytes;
    this.stages.progress('memory', this.bytesCopied, this.bytesExpected);
    await this.stages.checkAbort('while memory was written');
  }

  /** The tree stands, so it is counted once: thousands of objects are copied one by one. */
  private get bytesExpected(): number {
    this.expected ??= this.tasks.reduce((n, task) => n + task.vmas.reduce((m, vma) => m + vma.rss, 0), 0);
    return this.expected;
  }

  private freeze(): void {
    this.clock.freezing();
    if (this.timeoutMs > 0) this.thread.arm(this.timeoutMs);
    this.frozen = true;
    const { traced, nodes } = freezeAll(this.thread, { pid: this.options.pid, timeoutMs: this.timeoutMs }, this.freezer);
    const tasks = new Map<TreeNode, DumpTask>();
    for (const node of nodes) {
      const task = newTask(node, node.parent ? (tasks.get(node.parent) ?? null) : null);
      tasks.set(node, task);
      task.traced = traced.get(task.pid) ?? null;
      addThreads(task);
      this.tasks.push(task);
    }
    // The freeze is over: from here on the calls bound themselves, and copying gigabytes may take longer than --timeout.
    if (this.thread.disarm())
      throw new CrError('CR_FREEZE', { message: 'the tree did not stop in time', subject: { pid: this.options.pid }, target: 'running' });
    checkRoot(traced, this.options.pid);
    checkLeaders(this.thread.proc, nodes);
    this.clock.frozen();
  }

  private liveTasks(): DumpTask[] {
    return this.tasks.filter((task) => !isZombie(task));
  }

  private cure(): void {
    this.thread.within(this.timeoutMs, () =>
      cureAll(
        this.thread,
        this.liveTasks().flatMap((task) => task.parasite ?? []),
      ),
    );
  }

  /** A failed dump: every task runs on unharmed. */
  private async letGo(cause: unknown): Promise<void> {
    await this.stages.failed();
    if (!this.frozen) return this.resumeDevices(false);
    try {
      this.cure();
      await this.resumeDevices(true);
      this.freezer?.restore();
      resumeTree(this.thread, this.tasks);
    } catch (error) {
      // Ending the kernel thread detaches everything; the daemons notice and restore their tasks.
      this.log.warn(`The tree could not be let go in order (${String(error)}) after: ${String(cause)}; it restores itself`);
      this.thread.abandon();
      await this.resumeDevices(false);
    }
  }

  /** After a failure. That a plugin cannot give a device back is told, and the tree goes on all the same: a frozen one would be worse. */
  private async resumeDevices(frozen: boolean): Promise<void> {
    try {
      await this.plugins?.resume(frozen ? taskNumbers(this.tasks) : nodeNumbers(this.nodes), 'failed', frozen);
    } catch (error) {
      logFailure(this.log, error);
    }
  }

  private async finish(run: DumpRun): Promise<DumpResult> {
    const { options } = this;
    const state = options.leaveRunning ? 'running' : options.leaveStopped ? 'stopped' : 'destroyed';
    if (state === 'running' && this.frozen) await this.goOn();
    if (state === 'stopped') await this.stages.run('resumeDevices', () => this.plugins?.resume(taskNumbers(this.tasks), 'stopped'));
    await this.stages.run('finish', () => {
      this.final = state;
      if (state === 'destroyed') killTree(this.thread, this.tasks);
      if (state === 'stopped') {
        this.freezer?.restore();
        stopTree(this.thread, this.tasks);
      }
      if (this.frozen) this.clock.finished();
      // A stopped tree is one that is killed next, and then its images need the names that the dump made.
      if (state === 'running') this.files?.undo();
      this.writeStats();
    });
    this.log.info('Dumping finished successfully');
    return this.result(state, run.images.pageBytes);
  }

  /** Of no use for a restore: that they cannot be written is no failure of the dump. */
  private writeStats(): void {
    try {
      writeStats(this.options.workDir, this.clock);
    } catch (error) {
      this.log.warn(`The statistics were not written: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private result(state: DumpResult['state'], bytes: number): DumpResult {
    const threads = this.tasks.reduce((n, task) => n + task.threads.length, 0);
    return { pid: this.options.pid, state, tasks: this.tasks.length, threads, bytes, frozenMicros: this.clock.frozenMicros };
  }
}

/** What a dry run tells: the tree as the pre-flight saw it. */
function planned(nodes: readonly TreeNode[]): DumpResult {
  const threads = nodes.reduce((n, { status }) => n + status.threads, 0);
  return { pid: nodes[0]!.pid, state: 'running', tasks: nodes.length, threads, bytes: 0, frozenMicros: 0 };
}
