/**
 * restore(): the stages of core/stages.ts in order. Until `seed` nothing exists but descriptors of ours and files that `undo` removes; from then on
 * every path out kills what was created, and if we die the seeds end by themselves.
 */
import { WALL } from '../abi/ptrace.js';
import { type CrError, restated } from '../errors.js';
import { createHooks } from '../attach.js';
import type { Hooks } from '../hooks.js';
import { ImageReader } from '../images/reader.js';
import { KernelThread } from '../kernel/kernel-thread.js';
import { LocalCalls } from '../kernel/local.js';
import { readOwnState } from '../kernel/own-state.js';
import { readStat } from '../kernel/procfs/stat.js';
import { RobustList } from '../kernel/robust-list.js';
import { observerOf } from '../program/observer.js';
import { Program } from '../program/program.js';
import { logFailure, openLog, silentLog, type Log } from '../log.js';
import { resolveRestoreOptions, type ResolvedRestoreOptions, type RestoreOptions, type RestoreResult } from '../options.js';
import { readExtra } from '../resources/extra-state.js';
import { RestoreFiles } from '../resources/files/restore.js';
import { IpcRestore } from '../resources/ipc/restore.js';
import { FillAssistant, taskToAssist } from '../resources/memory/fill.js';
import { PageSources } from '../resources/memory/page-map.js';
import { SharedMemory } from '../resources/memory/restore-shared.js';
import type { TaskMemory } from '../resources/memory/restore.js';
import { syscallInVdso } from '../resources/memory/vdso.js';
import { emitDefaultActions } from '../resources/signals.js';
import type { SyscallProgram } from '../plugins/contexts.js';
import type { RestorePlugins } from '../plugins/restore-plugins.js';
import { checkPrivileges } from '../privileges.js';
import { ActionScripts } from '../scripts.js';
import { StageRunner } from '../stage-runner.js';
import { joinJobs } from './attributes.js';
import { becomeTasks } from './become.js';
import { checkTasks } from './check.js';
import { buildBirths, type BirthContext } from './births.js';
import { fork } from './fork.js';
import type { RestoreRun, RestoreTask, RestoreThread } from './model.js';
import { makeHelper } from './helpers.js';
import { freePid, ownPid, waitForPids } from './pids.js';
import { ownVdso, planVdsos } from './plan-vdso.js';
import { openPlugins, patiently, seenTasks } from './plugins.js';
import { readInventory, readTasks } from './read.js';
import { readAhead } from './read-ahead.js';
import { holdAll, releaseAll, type Held } from './release.js';
import { makeArena, parkingOf } from './place-arena.js';
import { type SeedArena, SeedThreads } from './seed-arena.js';
import { killSeeds, runSeeds, startRoot, waitSeeds } from './seeds.js';
import { ServiceFds } from './service-fds.js';
import { RestoreStats } from './stats.js';
import { planBirths, type Birth } from '../pstree/plan-births.js';

/** Milliseconds. Threads stop at once; this is for one that somebody kills meanwhile. */
const RELEASE_LIMIT_MS = 60_000;

/** Restores a tree. See RestoreOptions; rejects with CrError, and then nothing of the tree is left. */
export async function restore(options: RestoreOptions, hooks = createHooks()): Promise<RestoreResult> {
  const resolved = resolveRestoreOptions(options);
  const log = options.log ?? runLog(resolved);
  const session = new RestoreSession(resolved, log, hooks);
  try {
    return await session.restore();
  } catch (error) {
    await session.failed();
    const failure = restated(error, session.begun ? 'destroyed' : 'not started');
    if (session.ownThread !== null) {
      await session.close();
      options.startAnew?.(session.ownThread.numbers, session.ownThread.error);
    }
    logFailure(log, failure);
    throw failure;
  } finally {
    await session.close();
    if (!options.log) log.close();
  }
}

function runLog(options: ResolvedRestoreOptions): Log {
  if (options.logFile === undefined) return silentLog();
  return openLog({ workDir: options.workDir, logFile: options.logFile, verbosity: options.verbosity });
}

class RestoreSession {
  private readonly thread = new KernelThread();
  private readonly calls = new LocalCalls();
  private readonly service = new ServiceFds();
  private readonly stages: StageRunner<'restore'>;
  /** The root was created. */
  begun = false;
  /** Set when a number of the tree is that of a thread of ours, and nothing was begun. */
  ownThread: { readonly numbers: readonly number[]; readonly error: CrError } | null = null;
  private closed = false;
  private readonly processes = new SeedThreads<RestoreTask>();
  private readonly threads = new SeedThreads<RestoreThread>();
  private tasks: RestoreTask[] = [];
  private memory = new Map<RestoreTask, TaskMemory>();
  private births = new Map<RestoreTask, Birth<RestoreTask>>();
  private files: RestoreFiles | null = null;
  private ipc: IpcRestore | null = null;
  private seeds: SeedArena | null = null;
  private assistant: FillAssistant | null = null;
  private readonly vdso = ownVdso(this.thread.proc);
  private waiting = false;
  /** What was made is being taken back. */
  private undoing = false;
  /** Null when none are needed: then nothing of the plugin framework is loaded. */
  private plugins: RestorePlugins | null = null;
  private readonly stats = new RestoreStats();

  constructor(
    private options: ResolvedRestoreOptions,
    private readonly log: Log,
    private readonly hooks: Hooks,
  ) {
    this.thread.observer = observerOf(options);
    this.stages = new StageRunner('restore', { hooks, log, pid: 0, signal: options.signal, onProgress: options.onProgress });
  }

  /** For failures from which nothing has to be taken back. */
  async failed(): Promise<void> {
    await this.stages.failed();
    await this.plugins?.failed();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.plugins?.close();
    this.assistant?.close();
    this.seeds?.close();
    this.service.close();
    this.calls.close();
    if (!this.waiting) this.thread.close();
  }

  async restore(): Promise<RestoreResult> {
    const { options, stages } = this;
    const scripts = new ActionScripts({
      scripts: options.actionScripts,
      imagesDir: options.imagesDir,
      workDir: options.workDir,
      log: this.log,
      signal: options.signal,
    });
    const images = await stages.run('prepare', async () => {
      checkPrivileges(this.thread.proc, 'restore', 'not started');
      const reader = new ImageReader(options.imagesDir);
      const { hooks, log, thread } = this;
      this.plugins = await openPlugins({ options, hooks, log, thread, images: reader, inventory: readInventory(reader) });
      this.options = (await this.plugins?.planned()) ?? options;
      return reader;
    });
    const sources = new PageSources(this.service);
    const shared = new SharedMemory({ images, service: this.service, thread: this.thread });
    const run = await stages.run('read', () => this.read(images, sources, shared));
    await stages.run('plan', async () => {
      await this.plan(run);
      await this.plugins?.check(seenTasks(this.tasks));
    });
    if (options.dryRun) return this.result();
    await stages.run('preRestoreScript', () => scripts.run('pre-restore', 'not started'));
    await stages.run('restoreInit', () => this.plugins?.init(seenTasks(this.tasks)));
    try {
      await stages.run('openFiles', async () => {
        shared.open();
        await this.plugins?.openFiles(run.files);
        run.files.open();
      });
      const held = await this.build(run, shared, scripts);
      this.stats.restored();
      await stages.run('resumeDevicesLate', () => this.plugins?.resumeDevices(seenTasks(this.tasks)));
      await this.tolerant('preResumeScript', () => scripts.run('pre-resume', 'frozen', this.rootPid));
      await stages.run('resume', () => releaseAll(run, held));
    } catch (error) {
      await this.undo(error);
      throw error;
    }
    run.files.finish();
    await this.tolerant('postResumeScript', () => scripts.run('post-resume', 'running', this.rootPid));
    this.stats.write(this.options.workDir, this.tasks, stages.times.get('fork') ?? 0, this.log);
    this.log.info('Restore finished successfully. Tasks resumed.');
    return this.result();
  }

  /** Runs system calls of a plugin in a seed, which waits for the next program. */
  private async runInSeed(run: RestoreRun, pid: number, name: string, emit: (p: SyscallProgram) => unknown): Promise<unknown> {
    const task = run.tasks.find((one) => one.pid === pid)!;
    const program = new Program(name, run.arena);
    const value = emit(program);
    const between = patiently(this.between, () => this.undoing);
    await runSeeds(this.thread, this.seeds!, [{ thread: this.processes.of(task), program: program.end(), pid }], between);
    return value;
  }

  private get rootPid(): number {
    return this.tasks[0]?.pid ?? 0;
  }

  /** Stages whose failure is only logged: the tree is whole already. */
  private async tolerant(name: 'preResumeScript' | 'postResumeScript', body: () => Promise<void> | void): Promise<void> {
    try {
      await this.stages.run(name, body);
    } catch (error) {
      this.log.warn(`Stage ${name} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private read(images: ImageReader, sources: PageSources, shared: SharedMemory): RestoreRun {
    images.readAhead(readAhead(this.thread, images.dir));
    const self = readStat(this.thread.proc, process.pid)!;
    const own = { sid: self.sid, pgid: self.pgrp };
    const { tasks, memory } = readTasks(images, sources, { shellJob: this.options.shellJob, own });
    for (const { vmas } of memory.values()) shared.read(vmas, sources);
    const ipc = new IpcRestore({ images, service: this.service, thread: this.thread, calls: this.calls, log: this.log });
    ipc.read(
      tasks,
      [...memory.values()].map(({ vmas }) => vmas),
      sources,
    );
    this.ipc = ipc;
    this.births = planBirths(tasks, { external: own, freePid: (used) => freePid(this.thread.proc, used), makeHelper });
    this.tasks = tasks;
    const assisted = taskToAssist(tasks);
    if (assisted) this.assistant = new FillAssistant(assisted, this.thread.native, this.thread.observer);
    this.stages.pid = this.rootPid;
    const seeds = makeArena(this.thread, this.calls, tasks, [...memory.values()], ipc.arenaSize);
    this.seeds = seeds;
    this.memory = planVdsos(this.vdso, memory, this.service, parkingOf(seeds).start);
    const run = {
      options: this.options,
      log: this.log,
      hooks: this.hooks,
      thread: this.thread,
      calls: this.calls,
      images,
      own: readOwnState(this.thread.proc),
      extra: readExtra(images),
      tasks,
      arena: seeds.arena,
      service: this.service,
      ipc,
    } as RestoreRun;
    const files = new RestoreFiles(run);
    Object.assign(run, { files });
    files.read();
    this.files = files;
    return run;
  }

  private async plan(run: RestoreRun): Promise<void> {
    checkTasks(run);
    const tids = [...new Set(run.tasks.flatMap((task) => [task.pid, ...task.threads.map((thread) => thread.tid)]))];
    const error = ownPid(this.thread.proc, tids);
    if (error && !tids.includes(process.pid)) this.ownThread = { numbers: tids, error };
    if (error) throw error;
    await waitForPids(this.thread, tids);
  }

  /** From the first process to threads that are held as what they were. */
  private async build(run: RestoreRun, shared: SharedMemory, scripts: ActionScripts): Promise<Held[]> {
    const { stages } = this;
    const seeds = this.seeds!;
    const robust = new RobustList(this.thread);
    robust.add(seeds.arena);
    this.addSeedThreads(run, seeds);
    this.service.place(run.files.highestFd());
    const ctx: BirthContext = {
      run,
      seeds,
      threads: this.processes,
      births: this.births,
      memory: this.memory,
      memoryContext: { run, shared, arena: seeds.range, parking: parkingOf(seeds), compared: [] },
      special: this.vdso.special,
      assisted: this.assistant?.task ?? null,
    };
    const programs = buildBirths(ctx);
    await stages.run('seed', () => this.startRoot(ctx));
    await stages.run('setupNamespaces', async () => {
      if (run.ipc.hasNamespace) await scripts.run('setup-namespaces', 'destroyed', this.rootPid);
      return this.setupIpc(ctx);
    });
    await stages.run('postSetupNamespaces', async () => {
      if (run.ipc.hasNamespace) await scripts.run('post-setup-namespaces', 'destroyed', this.rootPid);
    });
    const attributes = { run, seeds, processes: this.processes, threads: this.threads };
    const join = await stages.run('fork', async () => {
      const jobs = await fork(ctx, programs, this.assistant, () => joinJobs(attributes), this.between);
      this.stats.countCompared(ctx.memoryContext);
      return jobs;
    });
    await stages.run('postForking', () =>
      this.plugins?.postForking(seenTasks(this.tasks), (pid, name, emit) => this.runInSeed(run, pid, name, emit)),
    );
    await becomeTasks(attributes, join, stages, this.between);
    await stages.run('postRestoreScript', () => scripts.run('post-restore', 'destroyed', this.rootPid));
    return stages.run('release', () => {
      const held = this.thread.within(RELEASE_LIMIT_MS, () =>
        holdAll(run, seeds.range, (task) => syscallInVdso(this.vdso, this.memory.get(task)!.vdso)),
      );
      // The seeds are gone as such: nobody watches our death any more, EXITKILL does.
      robust.remove(seeds.arena);
      return held;
    });
  }

  private addSeedThreads(run: RestoreRun, seeds: SeedArena): void {
    for (const task of run.tasks) {
      this.processes.set(task, seeds.addThread(task === run.tasks[0]));
      for (const thread of task.threads) if (!thread.isLeader) this.threads.set(thread, seeds.addThread(false));
    }
  }

  /** The clone returns when the old memory is let go (vfork), which is before the new program's mappings are all there: so it must answer first. */
  private async startRoot(ctx: BirthContext): Promise<void> {
    const [root] = ctx.run.tasks;
    const thread = this.processes.of(root!);
    const ready = new Program('seed.ready', ctx.run.arena);
    emitDefaultActions(ready);
    ready.end();
    ctx.seeds.presetProgram(thread, ready);
    ctx.seeds.writeBoot(thread);
    startRoot(this.thread, ctx.seeds, this.service, { pid: root!.pid, sibling: this.options.sibling });
    ctx.seeds.noteBirth(thread);
    this.begun = true;
    await waitSeeds(this.thread, ctx.seeds, [{ thread, program: ready, pid: root!.pid }], this.between);
  }

  /** What the root makes before it has children. */
  private async setupIpc(ctx: BirthContext): Promise<void> {
    const { run, seeds } = ctx;
    if (run.ipc.isEmpty) return;
    const [root] = run.tasks;
    const thread = this.processes.of(root!);
    const { uids, gids } = run.own.status;
    const program = run.ipc.setup(run.arena, [seeds.range, parkingOf(seeds)], { uid: uids[1], gid: gids[1] });
    await runSeeds(this.thread, seeds, [{ thread, program, pid: root!.pid }], this.between);
  }

  private readonly between = () => this.stages.checkAbort('while processes were created');

  private async undo(cause: unknown): Promise<void> {
    await this.stages.failed();
    try {
      if (this.begun) killSeeds(this.thread, this.tasks, (task) => this.seeds!.isBorn(this.processes.of(task)));
      this.ipc?.undo();
      this.files?.undo();
    } catch (error) {
      this.log.error(`Cleaning up after "${String(cause)}" failed: ${String(error)}`);
    }
  }

  private result(): RestoreResult {
    const threads = this.tasks.reduce((n, task) => n + task.threads.length, 0);
    const base = { pid: this.rootPid, tasks: this.tasks.length, threads };
    if (this.options.dryRun || this.options.detached) return base;
    this.waiting = true;
    return { ...base, exited: () => this.waitForRoot() };
  }

  /** Waits for the root on the kernel thread, so that the event loop goes on. */
  private async waitForRoot(): Promise<void> {
    const arena = this.thread.arena(4096);
    const p = new Program('wait.root', arena);
    p.sys.wait4(this.rootPid, p.out(8), WALL, 0).ignore('somebody else may have reaped it');
    await this.thread.runAsync(p.end());
    this.thread.close();
  }
}
