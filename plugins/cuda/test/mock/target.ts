/** A CUDA program of the mock (targets/*.c) under test. It speaks like a victim (test/fixtures/victims/victim.h). */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processInfo } from '../../../../test/helpers/processes.js';
import { waitReady } from '../../../../test/helpers/scenario.js';
import { Subject, SubjectFailure } from '../../../../test/helpers/subject.js';
import { buildMock, type DriverVersion } from './build.js';
import type { FakeGpus } from './gpus.js';

export interface TargetOptions {
  readonly arguments?: readonly (string | number)[];
  readonly version?: DriverVersion;
  readonly environment?: Readonly<Record<string, string>>;
  /** Words before the program. They must end in executing it: its pid is theirs. */
  readonly under?: readonly string[];
}

export class CudaTarget {
  private constructor(
    readonly subject: Subject,
    readonly pid: number,
  ) {}

  /** Starts a program and waits until it is ready. */
  static async start(gpus: FakeGpus, name: string, options: TargetOptions = {}): Promise<CudaTarget> {
    const { target } = await buildMock();
    const subject = new Subject(`cuda-${name}`);
    const env = { ...(await gpus.environment(options.version)), ...options.environment };
    const [command = '', ...rest] = [...(options.under ?? []), subject.install(target(name)), ...(options.arguments ?? []).map(String)];
    try {
      subject.start(command, rest, env);
      await waitReady(subject);
    } catch (error) {
      await subject.close();
      throw error;
    }
    return new CudaTarget(subject, subject.pid);
  }

  /** A child that has noted its pid in `file` (tree, fork_without_exec). */
  childPid(file: string): number {
    return Number(readFileSync(join(this.subject.cwd, file), 'utf8'));
  }

  /** SIGUSR1 of `device`: the hash of its device memory, which it has compared byte by byte. */
  async hash(): Promise<string> {
    const before = this.lines('CHECK').length;
    process.kill(this.pid, 'SIGUSR1');
    await this.subject.waitUntil(() => this.lines('CHECK').length > before, 'the hash of its device memory');
    return this.lines('CHECK').at(-1) ?? '';
  }

  /** SIGUSR2 of `device`: its "kernel" has been submitted, and runs. */
  async launch(): Promise<void> {
    const before = this.lines('LAUNCHED').length;
    process.kill(this.pid, 'SIGUSR2');
    await this.subject.waitUntil(() => this.lines('LAUNCHED').length > before, 'the start of a kernel');
  }

  /** Stops all its threads with SIGSTOP. The signal alone does not: one thread must run first to take it. */
  async stop(): Promise<void> {
    process.kill(this.pid, 'SIGSTOP');
    const states = (): string[] => readdirSync(`/proc/${this.pid}/task`).map((tid) => processInfo(Number(tid))?.state ?? '?');
    await this.subject.waitUntil(() => states().every((state) => state === 'T'), 'the stop of all threads');
  }

  lines(kind: string): string[] {
    return this.subject
      .output()
      .split('\n')
      .filter((line) => line.startsWith(kind));
  }

  /** The two numbers of `counter`: what its main thread, and what its calls of the driver have counted. */
  counters(): { readonly main: bigint; readonly calls: bigint } {
    const bytes = readFileSync(join(this.subject.cwd, 'counter'));
    return { main: bytes.readBigUInt64LE(0), calls: bytes.readBigUInt64LE(8) };
  }

  /** Waits until a number of `counter` moves. @throws SubjectFailure when it does not */
  async moves(which: 'main' | 'calls'): Promise<void> {
    const before = this.counters()[which];
    await this.subject.waitUntil(() => this.counters()[which] !== before, `the counter "${which}" to move`);
  }

  /** Insists that a number of `counter` stands still for `ms`. The call that was made last may be counted yet. @throws SubjectFailure when it moves */
  async stands(which: 'main' | 'calls', ms = 150): Promise<void> {
    for (let tries = 0; tries < 3; tries++) {
      const before = this.counters()[which];
      await sleep(ms);
      if (this.counters()[which] === before) return;
    }
    throw new SubjectFailure(`the counter "${which}" goes on`);
  }

  /** Descriptors that lead to a GPU: sockets to the daemon and nodes. */
  gpuDescriptors(gpus: FakeGpus, pid = this.pid): string[] {
    // The driver's socket that listens stays, and holds no device.
    const lines = readFileSync(`/proc/${pid}/net/unix`, 'latin1').split('\n');
    const listening = lines.filter((line) => line.includes(' @cuda-uvmfd-')).map((line) => `socket:[${line.trim().split(/\s+/)[6]}]`);
    return readdirSync(`/proc/${pid}/fd`)
      .map((fd) => readLink(`/proc/${pid}/fd/${fd}`))
      .filter((link) => (link.startsWith('socket:') && !listening.includes(link)) || link.startsWith(`${gpus.folder}/nvidia`));
  }

  mappings(pid = this.pid): string[] {
    return readFileSync(`/proc/${pid}/maps`, 'latin1').trimEnd().split('\n');
  }

  /** Private anonymous memory that is in use, bytes. */
  anonymousMemory(): number {
    const line = /^RssAnon:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'));
    return Number(line?.[1] ?? NaN) * 1024;
  }

  /** Lets it check everything and end. @throws SubjectFailure with what it found */
  async finish(): Promise<void> {
    this.subject.go();
    await this.subject.waitUntil(() => /^(PASS|FAIL)/m.test(this.subject.output()), 'PASS or FAIL');
    if (this.subject.output().split('\n').at(-2) !== 'PASS') throw new SubjectFailure(`the program says ${this.subject.output()}`);
  }

  async close(): Promise<void> {
    await this.subject.close();
  }
}

/** Empty when the descriptor was closed meanwhile. */
function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
