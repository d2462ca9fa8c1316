/** A program that is dumped and restored with a plugin, by the criu-ts that is installed (engine.ts). */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PluginDefinition } from '../../../core/plugins/definition.js';
import { loadEngine } from './engine.js';

export interface VictimOptions {
  readonly command: string;
  readonly args?: readonly string[];
  /** Where its output goes: a file, because the pipe of a test would be one that ends outside the tree. Default: nowhere. */
  readonly output?: number;
  /** Whether it has come to where it may be dumped. */
  ready(pid: number): boolean;
}

/** Options of dump() and restore() of criu-ts; those that tests of plugins mostly need by name. */
export type VictimRunOptions = Readonly<Record<string, unknown>> & {
  /** Definitions, or paths of packages. */
  readonly plugins?: readonly (PluginDefinition | string)[];
  readonly leaveRunning?: boolean;
};

const READY_MS = 20_000;
const POLL_MS = 10;

function isGone(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

/** Waits until `done`. @throws Error that names `what` */
export async function until(what: string, done: () => boolean, limitMs = READY_MS): Promise<void> {
  for (const end = Date.now() + limitMs; !done(); await sleep(POLL_MS))
    if (Date.now() > end) throw new Error(`${what} did not happen within ${limitMs} ms`);
}

export class Victim {
  /** Images of the last dump. */
  readonly imagesDir = mkdtempSync(join(tmpdir(), 'criu-ts-victim-'));
  private child: ChildProcess | null = null;
  private current = 0;

  private constructor(private readonly options: VictimOptions) {}

  /** Starts it in a session of its own and waits until it is ready. */
  static async start(options: VictimOptions): Promise<Victim> {
    const victim = new Victim(options);
    const output = options.output ?? 'ignore';
    victim.child = spawn(options.command, [...(options.args ?? [])], { detached: true, stdio: ['ignore', output, output], cwd: '/' });
    victim.current = victim.child.pid ?? 0;
    if (victim.current === 0) throw new Error(`${options.command} could not be started`);
    await until(`${options.command} being ready`, () => options.ready(victim.pid));
    return victim;
  }

  /** Root of the tree. */
  get pid(): number {
    return this.current;
  }

  get isRunning(): boolean {
    return !isGone(this.current);
  }

  /** Dumps it, and waits until it is gone unless `leaveRunning`. */
  async dump(options: VictimRunOptions): Promise<void> {
    const { dump } = await loadEngine();
    await dump({ ...options, pid: this.pid, imagesDir: this.imagesDir });
    if (options.leaveRunning !== true) await until('its end', () => !this.isRunning);
  }

  async restore(options: VictimRunOptions): Promise<void> {
    const { restore } = await loadEngine();
    const { pid } = await restore({ ...options, imagesDir: this.imagesDir, detached: true });
    this.current = pid;
  }

  /** Ends it. */
  kill(): void {
    try {
      if (this.isRunning) process.kill(this.pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }

  /** Ends it and removes the images. */
  close(): void {
    this.kill();
    rmSync(this.imagesDir, { recursive: true, force: true });
  }
}
