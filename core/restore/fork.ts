/** Stage fork: the root's seed gets its memory and forks the others, and so on down the tree. */
import { readMaps } from '../kernel/procfs/maps.js';
import type { Program } from '../program/program.js';
import type { FillAssistant } from '../resources/memory/fill.js';
import { specialMappings } from '../resources/memory/vdso.js';
import { adopted, buildRootBirth, passingOn, type BirthContext, type Births } from './births.js';
import type { RestoreTask } from './model.js';
import { runSeeds, submitSeeds, waitSeeds, type Between, type SeedJob } from './seeds.js';

/**
 * Runs the births of all tasks.
 * @param others births of all tasks but the root (buildBirths)
 * @param assistant helps one task with its pages, or null
 * @param meanwhile called when the seeds are at work
 * @returns what it gave
 * @throws CrError of the first program that failed
 */
export async function fork<T>(
  ctx: BirthContext,
  others: ReadonlyMap<RestoreTask, Births>,
  assistant: FillAssistant | null,
  meanwhile: () => T,
  between: Between,
): Promise<T> {
  const { tasks, thread } = ctx.run;
  const root = tasks[0]!;
  const special = specialMappings(readMaps(thread.proc, root.pid) ?? []);
  const births = new Map([[root, buildRootBirth(ctx, special)], ...others]);
  const { before, main } = births.get(root)!;
  const first = [jobOf(ctx, root, before?.layout ?? main)];
  submitSeeds(thread, ctx.seeds, first);
  const value = meanwhile();
  await waitSeeds(thread, ctx.seeds, first, between);
  if (assistant) await assist(ctx, assistant, births.get(assistant.task)!, between);
  const jobs = tasks.map((task) => jobOf(ctx, task, births.get(task)!.main));
  await waitSeeds(thread, ctx.seeds, jobs, between);
  await passOn(ctx, between);
  return value;
}

/** Orphans get the parents that they had (core/pstree/orphans.ts), and the helpers for that are gone. Mostly there are none. */
async function passOn(ctx: BirthContext, between: Between): Promise<void> {
  const { tasks, thread } = ctx.run;
  for (const round of [passingOn(ctx), adopted(ctx)])
    await runSeeds(
      thread,
      ctx.seeds,
      round.map(({ by, program }) => jobOf(ctx, by, program)),
      between,
    );
  const stay = tasks.filter((task) => !ctx.births.get(task)!.passesOn);
  tasks.splice(0, tasks.length, ...stay);
}

function jobOf(ctx: BirthContext, task: RestoreTask, program: Program): SeedJob {
  return { thread: ctx.threads.of(task), program, pid: task.pid };
}

/** One task and a thread of ours fill its memory together; then it goes on. */
async function assist(ctx: BirthContext, assistant: FillAssistant, { before, main }: Births, between: Between): Promise<void> {
  const { run, seeds } = ctx;
  const { task } = assistant;
  const { layout, fill, others } = before!;
  await waitSeeds(run.thread, seeds, [jobOf(ctx, task, layout)], between);
  const helped = assistant.fill(others, run.service, between);
  const own = runSeeds(run.thread, seeds, [jobOf(ctx, task, fill)], between);
  // Both must have ended before anything is undone, because the assistant uses our descriptors. What the task itself says comes first: when it dies,
  // the assistant only knows that it is gone.
  for (const half of await Promise.allSettled([own, helped])) if (half.status === 'rejected') throw half.reason;
  await runSeeds(run.thread, seeds, [jobOf(ctx, task, main)], between);
}
