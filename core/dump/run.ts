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
import { DumpFiles } from '../resources/files/table.js';
import { IpcDump } from '../resources/ipc/dump.js';
import { MemoryDump } from '../resources/memory/dump.js';
import { checkPrivileges } from '../privileges.js';
import { ActionScripts } from '../scripts.js';
import { StageRunner } from '../stage-runner.js';
import { FilesAhead } from './ahead.js';
import { freezeAll } from './freeze-all.js';
import { infect, readInside, readOutside } from './collect.js';
import { killTree, resumeTree, stopTree } from './final.js';
import type { DumpRun, DumpTask } from './model.js';
import { preflight } from './preflight.js';
import { checkImageFolder } from './folder.js';
import { DumpClock, writeStats } from './stats.js';
import { addThreads, newTask } from './tasks.js';
import { checkRoot, explainLoss } from './lost.js';
import type { TreeNode } from './tree.js';
import { inventory, newRunId, writeTasks } from './write.js';
import { isZombie } from '../kernel/procfs/stat.js';

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
    session.close();
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

  constructor(
    private readonly options: ResolvedDumpOptions,
    private readonly log: DumpRun['log'],
    private readonly hooks: Hooks,
  ) {
    this.thread.observer = observerOf(options);
    this.stages = new StageRunner('dump', { hooks, log, pid: options.pid, signal: options.signal, onProgress: options.onProgress });
  }

  /** For failures from which nothing has to be let go. */
  failed(): Promise<void> {
    return this.stages.failed();
  }

  close(): void {
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
    await stages.run('prepare', () => {
      checkPrivileges(this.thread.proc, 'dump', 'running');
      checkImageFolder(options.imagesDir);
      if (options.freezeCgroup !== undefined) this.freezer = new CgroupFreezer(resolve(options.workDir, options.freezeCgroup));
    });
    if (!options.dryRun) await stages.run('preDumpScript', () => scripts.run('pre-dump', 'running', options.pid));
    this.nodes = await stages.run('preflight', () => preflight(this.thread.proc, options, this.hooks));
    if (options.dryRun) return planned(this.nodes);
    const images = new ImageWriter(options.imagesDir);
    const { log, hooks, thread, tasks } = this;
    const extra = new ExtraState();
    const ipc = new IpcDump({ thread, images, tasks, extra });
    this.run = { options, log, hooks, thread, images, id: newRunId(), extra, ipc, tasks };
    try {
      this.ahead = FilesAhead.start(this.thread, images, this.nodes);
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
    const { stages, thread, options } = this;
    const robust = new RobustList(thread);
    const files = new DumpFiles(run);
    this.files = files;
    const resident = this.nodes.reduce((n, { status }) => n + (status.vm?.rss ?? 0), 0);
    const memory = new MemoryDump(run, files, resident, (bytes) => this.copied(bytes));
    this.memory = memory;
    await stages.run('pauseDevices', () => run.hooks.resources.forEach((resource) => resource.prepare?.()));
    await stages.run('freeze', () => this.freeze());
    await stages.run('checkpointDevices', () => undefined);
    await stages.run('readOutside', () => {
      readOutside(run);
      run.ipc.collect();
    });
    await stages.run('infect', () => {
      for (const task of this.liveTasks()) memory.saveVdso(task);
      thread.within(options.timeoutMs, () => infect(run, robust));
    });
    await stages.run('readInside', () => {
      thread.within(options.timeoutMs, () => readInside(run));
      run.ipc.readUndo();
    });
    await stages.run('files', () => files.dump());
    const start = nowMs();
    await stages.run('memory', async () => {
      for (const task of this.liveTasks()) {
        await memory.dumpTask(task);
        task.mm.exe_file_id = files.exe(task);
      }
    });
    await stages.run('dumpDevicesLate', () => undefined);
    await stages.run('sharedMemory', () => memory.dumpShared());
    this.clock.memory(nowMs() - start, memory.counts);
    await stages.run('write', () => {
      writeTasks(run, files);
      files.finish();
    });
    await stages.run('cure', () => this.cure());
  }

  /** What follows does not need the tree any more; whether it still stands decides only what a failure means. */
  private async store(run: DumpRun): Promise<void> {
    if (this.options.leaveRunning && this.options.actionScripts.length === 0) await this.goOn();
    await this.stages.run('store', async () => {
      await this.endAhead();
      run.images.finish(inventory(run.id, []));
    });
  }

  private async endAhead(): Promise<void> {
    const { ahead } = this;
    this.ahead = null;
    await ahead?.end();
  }

  private async goOn(): Promise<void> {
    await this.stages.run('resumeDevices', () => undefined);
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

  private get bytesExpected(): number {
    return this.tasks.reduce((n, task) => n + task.vmas.reduce((m, vma) => m + vma.rss, 0), 0);
  }

  private freeze(): void {
    this.clock.freezing();
    if (this.options.timeoutMs > 0) this.thread.arm(this.options.timeoutMs);
    this.frozen = true;
    const { traced, nodes } = freezeAll(this.thread, this.options, this.freezer);
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
    this.clock.frozen();
  }

  private liveTasks(): DumpTask[] {
    return this.tasks.filter((task) => !isZombie(task));
  }

  private cure(): void {
    this.thread.within(this.options.timeoutMs, () =>
      cureAll(
        this.thread,
        this.liveTasks().flatMap((task) => task.parasite ?? []),
      ),
    );
  }

  /** A failed dump: every task runs on unharmed. */
  private async letGo(cause: unknown): Promise<void> {
    await this.stages.failed();
    if (!this.frozen) return;
    try {
      this.cure();
      this.freezer?.restore();
      resumeTree(this.thread, this.tasks);
    } catch (error) {
      // Ending the kernel thread detaches everything; the daemons notice and restore their tasks.
      this.log.warn(`The tree could not be let go in order (${String(error)}) after: ${String(cause)}; it restores itself`);
      this.thread.abandon();
    }
  }

  private async finish(run: DumpRun): Promise<DumpResult> {
    const { options } = this;
    const state = options.leaveRunning ? 'running' : options.leaveStopped ? 'stopped' : 'destroyed';
    if (state === 'running' && this.frozen) await this.goOn();
    await this.stages.run('finish', () => {
      this.final = state;
      if (state === 'destroyed') killTree(this.thread, this.tasks);
      if (state === 'stopped') {
        this.freezer?.restore();
        stopTree(this.thread, this.tasks);
      }
      if (this.frozen) this.clock.finished();
      if (state !== 'destroyed') this.files?.undo();
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
