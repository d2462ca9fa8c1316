/** Finds and ends what a test run has started, and nothing else. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a process of a run can be told by. One of them is enough; restored processes have other parents than before. */
export interface Marks {
  /** Folder of the run: in it are the program, its working folder and its output; it is also the value of RUN_VARIABLE. */
  readonly folder: string;
  /** Sessions that the run made. A session id is a pid, so it counts only for processes that started after `since`. */
  readonly sessions: ReadonlySet<number>;
  /** Clock ticks since boot. */
  readonly since: number;
}

export const RUN_VARIABLE = 'CRIU_TS_RUN';

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly comm: string;
  /** One letter as in proc_pid_stat(5). */
  readonly state: string;
  /** Clock ticks since boot: together with the pid it names a process for ever. */
  readonly start: number;
}

/** @returns null when there is no such process. */
export function processInfo(pid: number): ProcessInfo | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const end = text.lastIndexOf(')');
    const rest = text.slice(end + 2).split(' ');
    return {
      pid,
      parent: Number(rest[1]),
      session: Number(rest[3]),
      comm: text.slice(text.indexOf('(') + 1, end),
      state: rest[0] ?? '?',
      start: Number(rest[19]),
    };
  } catch {
    return null; // It ended between the listing and now.
  }
}

/** Clock ticks since boot (100 a second on every architecture's user interface). */
export function now(): number {
  return Math.floor(Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 100);
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // Kernel threads and the dead have none.
  }
}

function environment(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

function belongs(info: ProcessInfo, marks: Marks): boolean {
  if (info.pid === process.pid || info.start < marks.since) return false;
  if (marks.sessions.has(info.session)) return true;
  const inside = (path: string): boolean => path === marks.folder || path.startsWith(`${marks.folder}/`);
  if (inside(link(`/proc/${info.pid}/exe`)) || inside(link(`/proc/${info.pid}/cwd`))) return true;
  return `\0${environment(info.pid)}`.includes(`\0${RUN_VARIABLE}=${marks.folder}\0`);
}

/** Processes of a run; without the dead ones, which are their parents' business, unless their pids matter too. */
export function processesOf(marks: Marks, alsoDead = false): ProcessInfo[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => processInfo(Number(name)))
    .filter((info) => info !== null && (alsoDead || (info.state !== 'Z' && info.state !== 'X')));
  return all.filter((info) => info !== null && belongs(info, marks)) as ProcessInfo[];
}

/** Ends every process of a run. A pid is looked at again right before the signal. @throws Error when something survives SIGKILL for 5 seconds */
export async function killAll(marks: Marks): Promise<void> {
  for (let waited = 0; ; waited += 10) {
    const left = processesOf(marks);
    if (left.length === 0) return;
    if (waited > 5000) throw new Error(`cannot end ${left.map((info) => `${info.pid} (${info.comm}, ${info.state})`).join(', ')}`);
    for (const { pid, start } of left) {
      if (processInfo(pid)?.start !== start) continue;
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        continue; // It ended by itself.
      }
    }
    await sleep(10);
  }
}

/** What a stuck process is doing, as one line; for failure reports. */
export function describeProcess(info: ProcessInfo): string {
  const read = (name: string): string => {
    try {
      return readFileSync(`/proc/${info.pid}/${name}`, 'latin1').trim();
    } catch {
      return '?';
    }
  };
  const status = read('status');
  const line = (key: string): string => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '?';
  return (
    `${info.pid} (${info.comm}) parent ${info.parent} session ${info.session} state ${line('State')} tracer ${line('TracerPid')} ` +
    `threads ${line('Threads')} wchan ${read('wchan')} syscall ${read('syscall')} exe ${link(`/proc/${info.pid}/exe`)}`
  );
}
