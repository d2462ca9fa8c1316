/**
 * Threads of ours may get numbers that the tree needs: those are free when we begin. The command is then executed again in this process, which keeps its pid, options,
 * environment and descriptors, and has new threads.
 */
import { writeFileSync } from 'node:fs';
import { errnoName } from '../abi/errno.js';
import type { CrError } from '../errors.js';
import { execSelf } from '../kernel/exec-self.js';
import type { Log } from '../log.js';
import { clearOf, numbering } from '../restore/pids.js';

/** Set in the environment of a command that was started anew: how often, and why. */
const VARIABLE = 'CRIU_TS_STARTED_ANEW';
const MAX_TIMES = 5;
/** More than we have threads. */
const ROOM = 64;

/** Where the kernel may not be told, or numbers are scarce, the next threads are only likely to get others. */
function moveNumbers(used: readonly number[]): void {
  const now = numbering();
  const last = clearOf(used, ROOM, now);
  if (last === null || last === now.last) return;
  try {
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(last));
  } catch {
    // Read-only, or without CAP_CHECKPOINT_RESTORE: executing again uses up some numbers, too.
  }
}

/** What an earlier start has left: logged, and not passed on to anybody. */
function earlier(log: Log): number {
  const [, times, why] = /^(\d{1,3}) (.*)$/s.exec(process.env[VARIABLE] ?? '') ?? [];
  delete process.env[VARIABLE];
  if (times === undefined) return 0;
  log.info(`${why}: the command started anew (${times})`);
  return Number(times);
}

/** For RestoreOptions.startAnew. @param before takes back what was made for this start */
export function startAnew(log: Log, before: () => void): (numbers: readonly number[], error: CrError) => void {
  const times = earlier(log);
  return (numbers, error) => {
    if (times >= MAX_TIMES) return;
    before();
    moveNumbers(numbers);
    const why = error.report().split('\n')[0]!;
    const errno = execSelf([VARIABLE, `${times + 1} ${why}`]);
    log.warn(`criu-ts could not be executed again: ${errnoName(errno)}`);
  };
}
