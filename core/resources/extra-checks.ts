/** How a resource checks, before anything exists, what it has in criu-ts-extra.json (extra-state.ts): a file that anybody may have edited. */
import type { RestoreRun } from '../restore/model.js';
import type { TaskResource } from './resource.js';
import { whose } from './task-parts.js';

type Plan = NonNullable<TaskResource['plan']>;
type Verdict = (value: string) => boolean;

/** As much of a wrong value as a report shows. */
const SHOWN = 40;

/** Every thread may have its own value. `what` is its name in the report; `mayBe` tells whether a thread can have such a value. */
export function checkEachThread(resource: string, what: string, mayBe: Verdict): Plan {
  return (task, run) =>
    task.threads.flatMap(({ tid }) => problemsOf(run, tid, { resource, what, mayBe }).map((line) => `${whose(task.pid, tid)}${line}`));
}

/** The value belongs to the process: its leader has it. */
export function checkProcess(resource: string, what: string, mayBe: Verdict): Plan {
  return (task, run) => problemsOf(run, task.pid, { resource, what, mayBe });
}

function problemsOf(run: RestoreRun, tid: number, of: { resource: string; what: string; mayBe: Verdict }): string[] {
  const value = run.extra.get(tid, of.resource);
  return value === undefined || of.mayBe(value) ? [] : [`has the impossible ${of.what} "${value.slice(0, SHOWN)}"`];
}
