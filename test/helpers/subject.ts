/** One program under test, in a folder of its own, with everything that is needed to dump it, bring it back and clean up after it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, constants, copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RUN_VARIABLE, describeProcess, killAll, now, processInfo, processesOf, type Marks, type ProcessInfo } from './processes.js';
import { call, dumpArguments, firstError, logTail, restoreArguments, type Finished, type Tool } from './tools.js';

/** How long a program may need to get ready or to end, and a tool to do its work, ms. */
export const PATIENCE_MS = 30_000;
const POLL_MS = 4;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Whoever started the tests may have left us descriptors without close-on-exec; a program under test has three and no others. */
const BARE = 'for f in /proc/$$/fd/*; do n=${f##*/}; [ "$n" -gt 2 ] && eval "exec $n>&-"; done; unset f n; exec "$@"';

/** A check that did not hold, with everything a person needs to see why. */
export class SubjectFailure extends Error {}

export class Subject {
  readonly folder: string;
  /** Working folder of the program, empty at its start. */
  readonly cwd: string;
  readonly images: string;
  readonly env: Readonly<Record<string, string>>;
  private readonly sessions = new Set<number>();
  private readonly since = now();
  private child: ChildProcess | null = null;
  private exit: Promise<number | NodeJS.Signals> | null = null;
  private calls = 0;
  /** Children of this process whose end node is to tell us. */
  private readonly awaited = new Set<number>();

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `criu-ts-run-${name}-`));
    this.cwd = join(this.folder, 'cwd');
    this.images = join(this.folder, 'images');
    mkdirSync(this.cwd);
    mkdirSync(this.images);
    this.env = { PATH, LC_ALL: 'C', [RUN_VARIABLE]: this.folder };
  }

  get marks(): Marks {
    return { folder: this.folder, sessions: this.sessions, since: this.since };
  }

  /** Pid of the first process. */
  get pid(): number {
    const pid = this.child?.pid;
    if (pid === undefined) throw new SubjectFailure('the program was not started');
    return pid;
  }

  /** A copy of `program` in our folder, so that its processes are known by it. */
  install(program: string): string {
    const own = join(this.folder, basename(program).replace(/-[0-9a-f]{16}$/, ''));
    copyFileSync(program, own, constants.COPYFILE_FICLONE);
    return own;
  }

  /** Starts a program as leader of a new session, with /dev/null as input and one file, opened for appending, as output. */
  start(command: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): void {
    const output = openSync(join(this.folder, 'out'), 'a');
    const child = spawn('/bin/bash', ['-c', BARE, command, command, ...args], {
      cwd: this.cwd,
      env: { ...this.env, ...env },
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.child = child;
    if (child.pid !== undefined) {
      this.sessions.add(child.pid);
      this.awaited.add(child.pid);
    }
    this.exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.awaited.delete(child.pid!);
        resolve(code ?? signal ?? 'SIGKILL');
      });
      child.once('error', () => resolve(127));
    });
  }

  /** Everything that the program has written so far. */
  output(): string {
    return readFileSync(join(this.folder, 'out'), 'utf8');
  }

  /** Waits for `done`. A program that has ended cannot make it true later. */
  async waitUntil(done: () => boolean, what: string, patienceMs = PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + patienceMs;
    let looks = 0;
    while (!done()) {
      // The walk over /proc costs milliseconds: not at every look.
      if (++looks % 25 === 0 && this.processes().length === 0) {
        if (done()) return;
        throw new SubjectFailure(`the program has ended before ${what}; it wrote:\n${this.output()}`);
      }
      if (performance.now() > deadline) throw new SubjectFailure(`waited ${patienceMs} ms in vain for ${what}\n${this.describe()}`);
      await sleep(POLL_MS);
    }
  }

  /** The file that victims wait for. */
  go(): void {
    writeFileSync(join(this.cwd, 'go'), '');
  }

  processes(): ProcessInfo[] {
    return processesOf(this.marks);
  }

  /** All pids that a dump takes with it. */
  family(): ProcessInfo[] {
    return processesOf(this.marks, true);
  }

  /** Output and processes, for a failure report. */
  describe(): string {
    return [`output:\n${this.output()}`, 'processes:', ...this.processes().map(describeProcess)].join('\n');
  }

  /** Exit status or signal of the first process, as long as it is our own child. */
  async exitStatus(): Promise<number | NodeJS.Signals> {
    return this.exit ?? Promise.resolve(127);
  }

  /** True for a child whose end node will tell: whoever else collects it makes us wait for ever. */
  awaits(pid: number): boolean {
    return this.awaited.has(pid);
  }

  /** Waits until none of `gone` (else: of the living processes of the run) exists, not even as a zombie: then their pids are free. */
  async waitGone(what: string, gone: readonly ProcessInfo[] = [], patienceMs = 20_000): Promise<void> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const left = [...gone.filter(({ pid, start }) => processInfo(pid)?.start === start), ...this.processes()];
      if (left.length === 0) return;
      if (performance.now() > deadline) throw new SubjectFailure(`still there ${what}:\n${left.map(describeProcess).join('\n')}`);
      await sleep(POLL_MS);
    }
  }

  /** Runs any command of a tool in the name of this run. */
  async call(tool: Tool, args: readonly string[], timeoutMs = PATIENCE_MS, started?: (pid: number) => void): Promise<Finished> {
    let own = 0;
    const note = (pid: number): void => {
      own = pid;
      this.sessions.add(pid);
      this.awaited.add(pid);
      started?.(pid);
    };
    const output = join(this.folder, `call-${++this.calls}`);
    return call(tool.command, args, { cwd: this.folder, env: this.env, timeoutMs, output, started: note }).finally(() =>
      this.awaited.delete(own),
    );
  }

  /** Dumps the program. @throws SubjectFailure with the end of the log */
  async dump(tool: Tool, options: readonly string[] = [], started?: (pid: number) => void): Promise<Finished> {
    const step = { images: this.images, work: this.folder, options };
    return this.succeeded(tool, 'dump', await this.call(tool, dumpArguments(this.pid, step), PATIENCE_MS, started));
  }

  /** Brings the program back. @throws SubjectFailure with the end of the log */
  async restore(tool: Tool, options: readonly string[] = [], started?: (pid: number) => void): Promise<Finished> {
    const step = { images: this.images, work: this.folder, options };
    return this.succeeded(tool, 'restore', await this.call(tool, restoreArguments(step), PATIENCE_MS, started));
  }

  private succeeded(tool: Tool, what: 'dump' | 'restore', done: Finished): Finished {
    if (done.status === 0) return done;
    const how = done.timedOut ? `had not ended after ${Math.round(done.ms)} ms` : `ended with ${done.status ?? done.signal}`;
    throw new SubjectFailure(
      `${tool.name} ${what} ${how}: ${firstError(this.folder, `${what}.log`)}\n${done.text.trim()}\n--- ${what}.log\n${logTail(this.folder, `${what}.log`)}\n---\n${this.describe()}`,
    );
  }

  /** Ends every process and deletes the folder, unless `keep`. */
  async close(keep = false): Promise<void> {
    await killAll(this.marks);
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
