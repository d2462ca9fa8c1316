/** The first program of every seed: memory, session, children. Forks follow the tree, so that memory is inherited as it was. */
import { WALL } from '../abi/ptrace.js';
import { Program } from '../program/program.js';
import { emitReads, halves, type FillPart } from '../resources/memory/fill.js';
import {
  emitFinish,
  emitLate,
  emitLayout,
  planMemory,
  type Inherited,
  type MemoryContext,
  type TaskMemory,
} from '../resources/memory/restore.js';
import { emitKeys } from '../resources/memory/protection-keys.js';
import { shift, type SpecialMapping } from '../resources/memory/vdso.js';
import type { ProcessStep } from '../resources/resource.js';
import type { RestoreRun, RestoreTask } from './model.js';
import type { SeedArena, SeedThreads } from './seed-arena.js';
import type { Birth } from '../pstree/plan-births.js';

const CLONE_FS = 0x200;
const CLONE_FILES = 0x400;
const CLONE_PARENT = 0x8000;
const SIGCHLD = 17;
const SIGKILL = 9;
const PR_SET_CHILD_SUBREAPER = 36;

export interface BirthContext {
  readonly run: RestoreRun;
  readonly seeds: SeedArena;
  readonly threads: SeedThreads<RestoreTask>;
  readonly births: ReadonlyMap<RestoreTask, Birth<RestoreTask>>;
  readonly memory: ReadonlyMap<RestoreTask, TaskMemory>;
  readonly memoryContext: MemoryContext;
  /** Special mappings of this kernel, as they lie in our own process: their sizes and distances are the same everywhere. */
  readonly special: readonly SpecialMapping[];
  /** The task that gets help with its pages (fill.ts). */
  readonly assisted: RestoreTask | null;
}

/** What the seed of a task does first. */
export interface Births {
  /** Memory without pages, and the half of them that the task reads itself; null but for the assisted task. */
  readonly before: { readonly layout: Program; readonly fill: Program; readonly others: readonly FillPart[] } | null;
  readonly main: Program;
}

/** Emits one step of all resources, for a process. */
export function emitStep(p: Program, step: ProcessStep, task: RestoreTask, run: RestoreRun): void {
  for (const resource of run.hooks.resources) resource.process?.[step]?.(p, task, run);
}

/**
 * Builds the birth programs of every task and presets the first, except for the root's, which depend on where the kernel put the new program's vDSO.
 * @returns the programs of all tasks but the root
 */
export function buildBirths(ctx: BirthContext): Map<RestoreTask, Births> {
  const programs = new Map<RestoreTask, Births>();
  for (const task of ctx.run.tasks) {
    const { spawner } = ctx.births.get(task)!;
    if (!spawner) continue;
    const births = birthsOf(ctx, task, inheritedFrom(ctx, spawner));
    const first = births.before?.layout ?? births.main;
    ctx.run.thread.observer.before?.(first);
    ctx.seeds.presetProgram(ctx.threads.of(task), first);
    programs.set(task, births);
  }
  return programs;
}

/** The root's birth: `special` are the vDSO mappings of the fresh seed. */
export function buildRootBirth(ctx: BirthContext, special: readonly SpecialMapping[]): Births {
  return birthsOf(ctx, ctx.run.tasks[0]!, { vmas: [], pages: [], special });
}

/** Helpers have no memory of their own: what their spawner has goes through them. */
function inheritedFrom(ctx: BirthContext, spawner: RestoreTask): Inherited {
  const memory = ctx.memory.get(spawner);
  if (!memory) return inheritedFrom(ctx, ctx.births.get(spawner)!.spawner!);
  const { to } = memory.vdso;
  const first = Math.min(...ctx.special.map((m) => m.start));
  return { vmas: memory.vmas, pages: spawner.pages!.runs, special: to === null ? [] : shift(ctx.special, to - first) };
}

function birthsOf(ctx: BirthContext, task: RestoreTask, inherited: Inherited): Births {
  const { arena, service } = ctx.run;
  const memory = ctx.memory.get(task);
  if (!memory) return { before: null, main: emitBirth(new Program('birth', arena), ctx, task) };
  const plan = planMemory(task, inherited, memory);
  if (task !== ctx.assisted) {
    const p = new Program('birth', arena);
    emitLayout(p, plan, ctx.memoryContext);
    emitReads(p, plan.fresh, service);
    emitFinish(p, plan, ctx.memoryContext);
    return { before: null, main: emitBirth(p, ctx, task) };
  }
  // One after the other: the data of a program lies in one piece of the arena.
  const { first, second } = halves(plan.fresh);
  const layout = new Program('birth.layout', arena);
  emitLayout(layout, plan, ctx.memoryContext);
  layout.end();
  const fill = new Program('birth.fill', arena);
  emitReads(fill, first, service);
  fill.end();
  const main = new Program('birth', arena);
  emitFinish(main, plan, ctx.memoryContext);
  return { before: { layout, fill, others: second }, main: emitBirth(main, ctx, task) };
}

/** What follows when the memory is there. */
function emitBirth(p: Program, ctx: BirthContext, task: RestoreTask): Program {
  const birth = ctx.births.get(task)!;
  const memory = ctx.memory.get(task);
  if (birth.adopts) p.sys.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0).must('adopt what processes below pass on');
  for (const child of birth.first) emitFork(p, ctx, task, child);
  if (birth.leadsSession) p.sys.setsid().must('lead a session');
  else if (task.pgid === task.pid) p.sys.setpgid(0, 0).must('lead a process group');
  if (task.kind === 'live') emitStep(p, 'early', task, ctx.run);
  for (const child of birth.then) emitFork(p, ctx, task, child);
  if (memory) {
    emitLate(p, memory.vmas, memory.guards);
    emitKeys(p, task, memory.vmas, ctx.run);
  }
  return p.end();
}

function emitFork(p: Program, ctx: BirthContext, spawner: RestoreTask, child: RestoreTask): void {
  const { asSibling } = ctx.births.get(child)!;
  let flags = asSibling ? CLONE_PARENT : 0;
  if (spawner.ids && child.ids?.files_id === spawner.ids.files_id) flags |= CLONE_FILES;
  if (spawner.ids && child.ids?.fs_id === spawner.ids.fs_id) flags |= CLONE_FS;
  // Helpers that lead no session end unheard: without exit signal their parents are not told. A session helper's siblings get its own signal.
  const silent = child.kind === 'helper' && child.sid !== child.pid;
  const thread = ctx.threads.of(child);
  const args = ctx.seeds.processArgs(p, thread, child.pid, flags, asSibling || silent ? 0 : SIGCHLD);
  p.spawnDaemon(args, ctx.run.arena.addr(thread.block)).must('create a process').about(child.pid);
}

/** Ends the helpers that pass on what they have forked, when all are born; by those who forked them. */
export function passingOn({ run, births, seeds, threads }: BirthContext): { readonly by: RestoreTask; readonly program: Program }[] {
  const passers = run.tasks.filter((task) => births.get(task)!.passesOn);
  return [...new Set(passers.map(({ parent }) => parent!))].map((by) => {
    const p = new Program('birth.pass', run.arena);
    for (const passer of passers.filter(({ parent }) => parent === by)) {
      p.sys.kill(passer.pid, SIGKILL).must('end a helper');
      p.sys.wait4(passer.pid, 0, WALL, 0).must('reap a helper');
      seeds.emitReaped(p, threads.of(passer));
    }
    return { by, program: p.end() };
  });
}

/** Those who adopted are what they were. */
export function adopted({ run, births }: BirthContext): { readonly by: RestoreTask; readonly program: Program }[] {
  return run.tasks
    .filter((task) => births.get(task)!.adopts)
    .map((by) => {
      const p = new Program('birth.adopted', run.arena);
      p.sys.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0).must('adopt no more');
      return { by, program: p.end() };
    });
}
