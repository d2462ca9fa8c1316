/** The two checkpoint tools, called the same way. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Peer } from './peers.js';
import { launcher } from './run-command.js';

export interface Finished {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when it was ended because it took too long. */
  readonly timedOut: boolean;
  readonly ms: number;
  /** Standard output and error. */
  readonly text: string;
}

export interface CallOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** File for standard output and error. */
  readonly output: string;
  /** Told the pid, which is also the session id, as soon as the tool runs. */
  readonly started?: (pid: number) => void;
}

/** Runs a tool in a session of its own. Output goes to a file: a restored process that holds a pipe would keep us waiting for its end. */
export async function call(command: string, args: readonly string[], options: CallOptions): Promise<Finished> {
  const output = openSync(options.output, 'w');
  const begin = performance.now();
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  if (child.pid !== undefined) options.started?.(child.pid);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, options.timeoutMs);
  const { status, signal } = await new Promise<Pick<Finished, 'status' | 'signal'>>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, by) => resolve({ status: code, signal: by }));
  }).finally(() => clearTimeout(timer));
  return { status, signal, timedOut, ms: performance.now() - begin, text: readFileSync(options.output, 'utf8') };
}

/** A checkpoint tool: ours or a peer. */
export interface Tool {
  /** `ours` or `criu-4.2.1`. */
  readonly name: string;
  readonly command: string;
}

export const ours: Tool = { name: 'ours', command: launcher };

export function toolOf(peer: Peer): Tool {
  return { name: `criu-${peer.version}`, command: peer.command };
}

export interface Step {
  /** Folder of the images. */
  readonly images: string;
  /** Where the log goes: <work>/dump.log or restore.log. */
  readonly work: string;
  readonly options: readonly string[];
}

const COMMON = ['--no-default-config', '-v4'];

/** Words of a dump. Both tools take the same. */
export function dumpArguments(pid: number, step: Step): string[] {
  return ['dump', '-t', String(pid), '-D', step.images, '-W', step.work, '-o', 'dump.log', ...COMMON, ...step.options];
}

/** Words of a restore that ends when the tree runs. */
export function restoreArguments(step: Step): string[] {
  return ['restore', '-d', '-D', step.images, '-W', step.work, '-o', 'restore.log', ...COMMON, ...step.options];
}

/** The last lines of a log; `(none)` when the tool did not get that far. */
export function logTail(work: string, name: string, lines = 25): string {
  try {
    return readFileSync(join(work, name), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(none)';
  }
}

/** The first line of a log that says `Error`: the later ones mostly follow from it. */
export function firstError(work: string, name: string): string {
  const errors = logTail(work, name, 100_000)
    .split('\n')
    .filter((line) => line.includes('Error'));
  // CRIU tries to raise a limit first thing, and goes on when it may not.
  const found = errors.find((line) => !line.includes('rlimit:')) ?? errors[0];
  return (found ?? 'no error in the log').replace(/^\([\d.]+\)\s*/, '');
}
