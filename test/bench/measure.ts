/** One measured round: start, dump, restore, go on. */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { launcher, repository } from '../helpers/run-command.js';
import type { Scenario } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import type { Tool } from '../helpers/tools.js';

export interface Round {
  readonly dumpMs: number;
  /** Time that a target that goes on (--leave-running) stood still, as the tool itself says in stats-dump. */
  readonly frozenMs: number;
  readonly restoreMs: number;
}

export interface Peak {
  /** High-water mark of the tool's resident memory, MiB. */
  readonly dumpMiB: number;
  readonly restoreMiB: number;
}

/** A field of stats-dump (a number of microseconds), read by our own `show`. */
function frozenMs(folder: string): number {
  const file = join(folder, 'stats-dump');
  const shown = spawnSync(launcher, ['show', '--no-default-config', '--format', 'json', file], { encoding: 'utf8' });
  const found = /"frozen_time":\s*"?(\d+)/.exec(shown.stdout);
  if (found === null) throw new Error(`${file} tells no frozen_time: ${shown.stdout}${shown.stderr}`);
  return Number(found[1]) / 1000;
}

/** What earlier steps left to be written to the disk must not be paid for by the next one. */
function settle(): void {
  spawnSync('sync');
}

async function withSubject<T>(scenario: Scenario, work: (subject: Subject) => Promise<T>): Promise<T> {
  const subject = new Subject(scenario.name);
  try {
    await scenario.start(subject);
    const result = await work(subject);
    await scenario.finish(subject);
    return result;
  } finally {
    await subject.close();
  }
}

/** Times of one round. The victim checks itself at the end. @throws SubjectFailure */
export async function measure(scenario: Scenario, tool: Tool): Promise<Round> {
  return withSubject(scenario, async (subject) => {
    const before = subject.processes();
    settle();
    await subject.dump(tool, [...scenario.dumpOptions, '--leave-running']);
    const frozen = frozenMs(subject.folder);
    for (const name of readdirSync(subject.images)) rmSync(join(subject.images, name));
    settle();
    const dump = await subject.dump(tool, scenario.dumpOptions);
    await subject.waitGone('after the dump', before, 60_000);
    settle();
    const restore = await subject.restore(tool, scenario.restoreOptions);
    return { dumpMs: dump.ms, frozenMs: frozen, restoreMs: restore.ms };
  });
}

/** What a dump of a tree without CUDA pays for the CUDA plugin on a host with a driver: reading what it waits for, and looking whether the tree has it. */
export interface CudaLook {
  readonly startMs: number;
  readonly treeMs: number;
}

/** Each round in a process of its own, because a dump is one. */
export async function measureCudaLook(scenario: Scenario, rounds: number): Promise<CudaLook[]> {
  return withSubject(scenario, (subject) => {
    const pids = subject.processes().map(({ pid }) => String(pid));
    const script = join(repository, 'dist/test/bench/cuda-look.js');
    const times = Array.from({ length: rounds }, () => {
      const done = spawnSync(process.execPath, [script, ...pids], { encoding: 'utf8' });
      if (done.status !== 0) throw new Error(`the CUDA plugin's look at ${scenario.name} failed: ${done.stderr}`);
      return JSON.parse(done.stdout) as CudaLook;
    });
    return Promise.resolve(times);
  });
}

/** Reads VmHWM of a process again and again until it is gone. The mark only rises, so the last reading is the peak but for the last moment. */
function watch(pid: number): () => number {
  let peak = 0;
  const look = (): void => {
    try {
      const found = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
      if (found !== null) peak = Math.max(peak, Number(found[1]) / 1024);
    } catch {
      clearInterval(timer); // It has ended.
    }
  };
  const timer = setInterval(look, 2);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

/** Peak memory, in a round of its own: looking costs time. */
export async function measureMemory(scenario: Scenario, tool: Tool): Promise<Peak> {
  return withSubject(scenario, async (subject) => {
    const before = subject.processes();
    const peaks: (() => number)[] = [];
    const started = (pid: number): void => void peaks.push(watch(pid));
    await subject.dump(tool, scenario.dumpOptions, started);
    const dumpMiB = peaks.pop()?.() ?? 0;
    await subject.waitGone('after the dump', before, 60_000);
    await subject.restore(tool, scenario.restoreOptions, started);
    return { dumpMiB, restoreMiB: peaks.pop()?.() ?? 0 };
  });
}
