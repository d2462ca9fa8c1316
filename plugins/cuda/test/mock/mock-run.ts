/** Hosts, callers and targets of one test, ended after it whatever happens. */
import { spawn } from 'node:child_process';
import { afterEach } from 'node:test';
import { buildMock, type DriverVersion } from './build.js';
import { Caller } from './caller.js';
import { FakeGpus, type FakeDevice } from './gpus.js';
import { CudaTarget, type TargetOptions } from './target.js';

export interface ToolResult {
  /** Exit status; null when it was ended after `patienceMs`. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class MockRun {
  private readonly open: { close(): Promise<void> }[] = [];
  private current: FakeGpus | null = null;

  /** Call it at the top of a test file. */
  constructor() {
    afterEach(async () => {
      this.current = null;
      // Targets and callers before the daemon they talk to.
      for (const one of this.open.splice(0).reverse()) await one.close();
    });
  }

  private keep<Thing extends { close(): Promise<void> }>(thing: Thing): Thing {
    this.open.push(thing);
    return thing;
  }

  /** The host of this test: the first thing to ask for. */
  async host(devices?: readonly FakeDevice[]): Promise<FakeGpus> {
    this.current = this.keep(await FakeGpus.start(devices));
    return this.current;
  }

  get gpus(): FakeGpus {
    if (this.current === null) throw new Error('this test has no host: call host() first');
    return this.current;
  }

  async caller(version?: DriverVersion, under?: readonly string[]): Promise<Caller> {
    return this.keep(await Caller.start(this.gpus, version, under));
  }

  async target(name: string, options?: TargetOptions): Promise<CudaTarget> {
    return this.keep(await CudaTarget.start(this.gpus, name, options));
  }

  /** Runs the fake cuda-checkpoint. */
  async tool(args: readonly (string | number)[], version: DriverVersion = 13000, patienceMs = 15_000): Promise<ToolResult> {
    const { tool } = await buildMock();
    const env = { PATH: process.env['PATH'], ...(await this.gpus.environment(version)) };
    const child = spawn(`${tool}/cuda-checkpoint`, args.map(String), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code));
    });
    clearTimeout(timer);
    return { status, stdout, stderr };
  }
}
