/** The first program of every seed: memory, session, children. Forks follow the tree, so that memory is inherited as it was. */
import { Program } from '../program/program.js';
import { emitLate, emitMemory, type Inherited, type MemoryContext, type TaskMemory } from '../resources/memory/restore.js';
import { shift, type SpecialMapping } from '../resources/memory/vdso.js';
import type { ProcessStep } from '../resources/resource.js';
import type { RestoreRun, RestoreTask } from './model.js';
import type { SeedArena, SeedThreads } from './seed-arena.js';
import type { Birth } from './sessions.js';

const CLONE_FS = 0x200;
const CLONE_FILES = 0x400;
const CLONE_PARENT = 0x8000;
const SIGCHLD = 17;

export interface BirthContext {
  readonly run: RestoreRun;
  readonly seeds: SeedArena;
  readonly threads: SeedThreads<RestoreTask>;
  readonly births: ReadonlyMap<RestoreTask, Birth>;
  readonly memory: ReadonlyMap<RestoreTask, TaskMemory>;
  readonly memoryContext: MemoryContext;
  /** Special mappings of this kernel, as they lie in our own process: their sizes and distances are the same everywhere. */
  readonly special: readonly SpecialMapping[];
}

/** Emits one step of all resources, for a process. */
export function emitStep(p: Program, step: ProcessStep, task: RestoreTask, run: RestoreRun): void {
  for (const resource of run.hooks.resources) resource.process?.[step]?.(p, task, run);
}

/**
 * Builds the birth program of every task and presets it, except for the root's, which depends on where the kernel put the new program's vDSO.
 * @returns the programs of all tasks but the root
 */
export function buildBirths(ctx: BirthContext): Map<RestoreTask, Program> {
  const programs = new Map<RestoreTask, Program>();
  for (const task of ctx.run.tasks) {
    const { spawner } = ctx.births.get(task)!;
    if (!spawner) continue;
    const program = birthProgram(ctx, task, inheritedFrom(ctx, spawner));
    ctx.run.thread.observer.before?.(program);
    ctx.seeds.presetProgram(ctx.threads.of(task), program);
    programs.set(task, program);
  }
  return programs;
}

/** The root's birth: `special` are the vDSO mappings of the fresh seed. */
export function buildRootBirth(ctx: BirthContext, special: readonly SpecialMapping[]): Program {
  return birthProgram(ctx, ctx.run.tasks[0]!, { vmas: [], pages: [], special });
}

/** Helpers have no memory of their own: what their spawner has goes through them. */
function inheritedFrom(ctx: BirthContext, spawner: RestoreTask): Inherited {
  const memory = ctx.memory.get(spawner);
  if (!memory) return inheritedFrom(ctx, ctx.births.get(spawner)!.spawner!);
  const { to } = memory.vdso;
  const first = Math.min(...ctx.special.map((m) => m.start));
  return { vmas: memory.vmas, pages: spawner.pages!.runs, special: to === null ? [] : shift(ctx.special, to - first) };
}

function birthProgram(ctx: BirthContext, task: RestoreTask, inherited: Inherited): Program {
  const birth = ctx.births.get(task)!;
  const p = new Program('birth', ctx.run.arena);
  const memory = ctx.memory.get(task);
  if (memory) emitMemory(p, task, inherited, memory, ctx.memoryContext);
  for (const child of birth.first) emitFork(p, ctx, task, child);
  if (birth.leadsSession) p.sys.setsid().must('lead a session');
  else if (task.pgid === task.pid) p.sys.setpgid(0, 0).must('lead a process group');
  if (task.kind === 'live') emitStep(p, 'early', task, ctx.run);
  for (const child of birth.then) emitFork(p, ctx, task, child);
  if (memory) emitLate(p, memory.vmas, memory.guards);
  return p.end();
}

function emitFork(p: Program, ctx: BirthContext, spawner: RestoreTask, child: RestoreTask): void {
  const { asSibling } = ctx.births.get(child)!;
  let flags = asSibling ? CLONE_PARENT : 0;
  if (spawner.ids && child.ids?.files_id === spawner.ids.files_id) flags |= CLONE_FILES;
  if (spawner.ids && child.ids?.fs_id === spawner.ids.fs_id) flags |= CLONE_FS;
  // The end of a group helper is nobody's business: without exit signal its parent is not told. A session helper's children get its own signal.
  const silent = child.kind === 'helper' && child.sid !== child.pid;
  const thread = ctx.threads.of(child);
  const args = ctx.seeds.cloneArgs(p, thread, child.pid, flags, asSibling || silent ? 0 : SIGCHLD);
  p.spawnDaemon(args, ctx.run.arena.addr(thread.block)).must(`create process ${child.pid}`);
}
