/** One run of NVIDIA's cuda-checkpoint program: bounded output, a deadline, and never a signal, which would put its channel to the target out of step. */
import { spawn } from 'node:child_process';

export interface ToolResult {
  /** Exit status; null after a signal. */
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program did not end in time and is left alone. */
export class ToolLate extends Error {
  constructor(readonly toolPid: number | undefined) {
    super('the tool did not end in time');
  }
}

const MAX_OUTPUT = 4096;

/** @throws ToolLate; the error of spawn(3) when the program cannot be started */
export function runTool(program: string, args: readonly string[], ms: number): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    // A session of its own: Ctrl-C in the terminal must not end it half-way.
    const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const out = { stdout: '', stderr: '' };
    const timer = setTimeout(() => {
      child.unref();
      child.stdout.destroy();
      child.stderr.destroy();
      reject(new ToolLate(child.pid));
    }, ms);
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        out[name] = (out[name] + text).slice(0, MAX_OUTPUT);
      });
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, ...out });
    });
  });
}
