/** Stages tasks, signals, credentials and arm: seeds become what they restore, in rounds with a barrier between them (attributes.ts). */
import { nowMs } from '../clock.js';
import { CrError } from '../errors.js';
import { readStat } from '../kernel/procfs/stat.js';
import { armJobs, queueJobs, settleJobs, threadJobs, type AttributeContext, type JoinJobs } from './attributes.js';
import type { StageRunner } from '../stage-runner.js';
import { submitSeeds, waitSeeds, type Between, type SeedJob } from './seeds.js';

const ZOMBIE_WAIT_MS = 10_000;

/**
 * While the seeds work on one round, the programs of the next are built: nothing in them comes from what a round found out.
 * @param join programs of the first round (attributes.ts)
 * @throws CrError of the first program that failed
 */
export async function becomeTasks(
  ctx: AttributeContext,
  { live, zombies }: JoinJobs,
  stages: StageRunner<'restore'>,
  between: Between,
): Promise<void> {
  const { thread } = ctx.run;
  const start = (jobs: readonly SeedJob[]) => submitSeeds(thread, ctx.seeds, jobs);
  const end = (jobs: readonly SeedJob[]) => waitSeeds(thread, ctx.seeds, jobs, between);
  const settle = await stages.run('tasks', async () => {
    start(live);
    const next = settleJobs(ctx);
    await end(live);
    if (zombies.length > 0) endZombies(ctx, zombies);
    return next;
  });
  const { queue, threads, arm } = await stages.run('signals', async () => {
    start(settle);
    const next = { queue: queueJobs(ctx), threads: threadJobs(ctx), arm: armJobs(ctx) };
    await end(settle);
    return next;
  });
  await stages.run('credentials', async () => {
    for (const jobs of [queue, threads]) {
      start(jobs);
      await end(jobs);
    }
  });
  await stages.run('arm', async () => {
    start(arm);
    await end(arm);
  });
}

function endZombies({ run, seeds }: AttributeContext, jobs: readonly SeedJob[]): void {
  const { free } = run.thread.here('zombies', 4096 + jobs.length * 64, (p) => {
    for (const job of jobs) seeds.submit(p, job.thread, job.program);
  });
  free();
  const deadline = nowMs() + ZOMBIE_WAIT_MS;
  for (const job of jobs) {
    while (readStat(run.thread.proc, job.pid)?.state !== 'Z') {
      if (seeds.isDone(job.thread)) job.program.check(seeds.statusOf(job.thread), { subject: { pid: job.pid }, target: 'destroyed' });
      if (nowMs() > deadline)
        throw new CrError('CR_RESTORE', { message: 'does not end as it should', subject: { pid: job.pid }, target: 'destroyed' });
    }
  }
}
