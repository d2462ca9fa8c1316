/** A caller of the fake driver's checkpoint API that stays up between calls (tool/call.cc). */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildMock, type DriverVersion } from './build.js';
import type { FakeGpus } from './gpus.js';

/** CUresult values (gpu.md A.1.2). */
export const CU = {
  success: 0,
  invalidValue: 1,
  outOfMemory: 2,
  notInitialized: 3,
  noDevice: 100,
  invalidContext: 201,
  operatingSystem: 304,
  illegalState: 401,
  notReady: 600,
  notSupported: 801,
} as const;

/** CUprocessState. */
export const STATE = { running: 0, locked: 1, checkpointed: 2, failed: 3, checkpointing: 4, restoring: 5 } as const;

export interface Answer {
  readonly code: number;
  readonly value: string;
}

/** What an answer can be when the call does not come back, or its caller has died. */
export type Outcome = Answer | 'hangs' | 'dead';

/**
 * Whether a call that was made is still without an answer after `ms`. Before another caller asks the same target, wait for the answer that is
 * still to come: answers do not say whose they are, so two who wait at once may get each other's.
 */
export async function hangs(call: Promise<unknown>, ms = 500): Promise<boolean> {
  return (await Promise.race([call, sleep(ms, 'late')])) === 'late';
}

export class Caller {
  private readonly waiting: ((outcome: Outcome) => void)[] = [];

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    child.stderr.pipe(process.stderr);
    child.once('exit', () => this.died());
    // Its end is seen by `exit`; a write that fails then says nothing new.
    child.stdin.on('error', () => undefined);
  }

  /** `under`: words before the program, such as setpriv with its options. */
  static async start(gpus: FakeGpus, version: DriverVersion = 13000, under: readonly string[] = []): Promise<Caller> {
    const { caller } = await buildMock();
    const [command = caller, ...rest] = [...under, caller];
    const child = spawn(command, rest, { env: { PATH: process.env['PATH'], ...(await gpus.environment(version)) }, stdio: 'pipe' });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.value !== 'READY') throw new Error('cuda-call did not start');
    const self = new Caller(child);
    // The pipe broke: it has died, or is about to.
    self.listen(lines).catch(() => self.died());
    return self;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  private died(): void {
    for (const resolve of this.waiting.splice(0)) resolve('dead');
  }

  private async listen(lines: AsyncIterator<string>): Promise<void> {
    for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
      const [code = '', ...value] = next.value.split(' ');
      this.waiting.shift()?.({ code: Number(code), value: value.join(' ') });
    }
  }

  private send(line: string): Promise<Outcome> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return Promise.resolve('dead');
    const outcome = new Promise<Outcome>((resolve) => this.waiting.push(resolve));
    this.child.stdin.write(`${line}\n`);
    return outcome;
  }

  /** `hangs`: no answer in `patienceMs`. The call goes on; later calls of this caller wait for it. */
  async outcome(line: string, patienceMs = 700): Promise<Outcome> {
    const giveUp = new AbortController();
    const late = sleep(patienceMs, 'hangs' as const, { signal: giveUp.signal }).catch(() => 'hangs' as const);
    const outcome = await Promise.race([this.send(line), late]);
    giveUp.abort();
    return outcome;
  }

  /** A call that is expected to come back. @throws Error when it does not within 20 s */
  async call(line: string): Promise<Answer> {
    const outcome = await this.outcome(line, 20_000);
    if (typeof outcome === 'string') throw new Error(`cuda-call, "${line}": ${outcome}`);
    return outcome;
  }

  async code(line: string): Promise<number> {
    return (await this.call(line)).code;
  }

  /** State of a process as the driver says it. @throws Error when it says none */
  async state(pid: number): Promise<number> {
    const { code, value } = await this.call(`state ${pid}`);
    if (code !== CU.success) throw new Error(`state of ${pid}: CUresult ${code}`);
    return Number(value);
  }

  async restoreThread(pid: number): Promise<number> {
    const { code, value } = await this.call(`tid ${pid}`);
    if (code !== CU.success) throw new Error(`restore thread of ${pid}: CUresult ${code}`);
    return Number(value);
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}
