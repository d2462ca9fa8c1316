/** Stage tasks: seeds become what they restore, in rounds with a barrier between them (attributes.ts). */
import { nowMs } from '../clock.js';
import { CrError } from '../errors.js';
import { readStat } from '../kernel/procfs/stat.js';
import { armJobs, joinJobs, queueJobs, settleJobs, threadJobs, type AttributeContext } from './attributes.js';
import { runSeeds, type Between, type SeedJob } from './seeds.js';

const ZOMBIE_WAIT_MS = 10_000;

/** @throws CrError of the first program that failed */
export async function becomeTasks(ctx: AttributeContext, between: Between): Promise<void> {
  const { live, zombies } = joinJobs(ctx);
  const run = (jobs: readonly SeedJob[]) => runSeeds(ctx.run.thread, ctx.seeds, jobs, between);
  await run(live);
  if (zombies.length > 0) endZombies(ctx, zombies);
  await run(settleJobs(ctx));
  await run(queueJobs(ctx));
  await run(threadJobs(ctx));
  await run(armJobs(ctx));
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
