/** The fake GPU daemon of a test: which GPUs the "host" has, what goes wrong, and what has been done. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildMock, type DriverVersion } from './build.js';

export interface FakeDevice {
  /** "GPU-" and 8-4-4-4-12 hex digits. */
  readonly uuid: string;
  readonly name?: string;
  /** Bytes. */
  readonly memory?: number;
  /** Stands for /dev/nvidiaN. Default: a file in the daemon's folder, which is made; a path that is given here is taken as it is. */
  readonly node?: string;
}

export const MIB = 1 << 20;

/** The UUID of number `n`, for tests that do not care. */
export function uuidOf(n: number): string {
  return `GPU-00000000-0000-0000-0000-${n.toString(16).padStart(12, '0')}`;
}

export interface DeviceStats {
  readonly uuid: string;
  readonly name: string;
  readonly memory: number;
  /** Bytes of device memory that are given out. */
  readonly used: number;
  /** Times that a process has attached to it. */
  readonly attaches: number;
  readonly node: string;
}

export interface GpuStats {
  readonly devices: readonly DeviceStats[];
  /** Processes that hold GPUs now. */
  readonly clients: readonly { readonly pid: number; readonly links: number }[];
  readonly allocations: number;
}

/**
 * `begin` and `end`: a call of the checkpoint API (or cuInit: "init"), as its caller reports it. `group`: the same, at a target in a group.
 * `kernel`: a "kernel" of the process has ended.
 */
export interface GpuEvent {
  readonly what: 'begin' | 'end' | 'attach' | 'group' | 'kernel';
  readonly call?: string;
  readonly caller?: number;
  readonly target?: number;
  readonly code?: number;
  readonly pid?: number;
  readonly device?: number;
}

/** Calls that faults can be given for. */
export type FaultCall = 'init' | 'get-state' | 'get-restore-tid' | 'lock' | 'checkpoint' | 'restore' | 'unlock' | 'complete';

export class FakeGpus {
  private child: ChildProcess | null = null;

  private constructor(
    /** Also FAKE_CUDA_DIR of all who use these GPUs. */
    readonly folder: string,
  ) {}

  /** Starts a host with these GPUs. */
  static async start(devices: readonly FakeDevice[] = [{ uuid: uuidOf(1) }]): Promise<FakeGpus> {
    const folder = mkdtempSync(join(tmpdir(), 'cuda-mock-'));
    // The library keeps the path, which it needs again after a restore, in a place of that size.
    if (Buffer.byteLength(folder) > 60) throw new Error(`${folder} is too long for the fake GPU daemon: set TMPDIR to a shorter path`);
    const gpus = new FakeGpus(folder);
    try {
      await gpus.boot(devices);
    } catch (error) {
      await gpus.close();
      throw error;
    }
    return gpus;
  }

  /** Another host, with other GPUs, at the same place. Whoever holds a GPU loses it. */
  async restart(devices: readonly FakeDevice[]): Promise<void> {
    await this.halt();
    await this.boot(devices);
  }

  private async boot(devices: readonly FakeDevice[]): Promise<void> {
    const { daemon } = await buildMock();
    const words = devices.flatMap(({ uuid, name = 'Fake H100', memory = 256 * MIB, node }) => [
      '--device',
      [uuid, name, memory, ...(node === undefined ? [] : [node])].join(','),
    ]);
    const child = spawn(daemon, [this.folder, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child = child;
    const ended = once(child, 'exit').then(() => false);
    if (!(await Promise.race([once(child.stdout, 'data').then(() => true), ended]))) throw new Error('the fake GPU daemon did not start');
  }

  /** The GPUs are gone: no daemon, no driver to talk to. */
  async halt(): Promise<void> {
    const child = this.child;
    this.child = null;
    if (child?.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Ends it and removes its folder. */
  async close(): Promise<void> {
    await this.halt();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What programs that use these GPUs need in their environment. */
  async environment(version: DriverVersion = 13000): Promise<Record<string, string>> {
    const { library } = await buildMock();
    return { FAKE_CUDA_DIR: this.folder, FAKE_CUDA_VERSION: String(version), LD_LIBRARY_PATH: library(version) };
  }

  /** One command of daemon/control.cc. @throws Error when the daemon does not take it */
  async command(line: string): Promise<string> {
    const socket = connect({ path: join(this.folder, 'control.sock') });
    socket.setEncoding('utf8');
    let text = '';
    try {
      socket.write(`${line}\n`);
      for await (const part of socket) {
        text += String(part);
        if (text.endsWith('\n')) break;
      }
    } finally {
      socket.destroy();
    }
    if (text.startsWith('error')) throw new Error(`fake-gpud, command "${line}": ${text.trim()}`);
    return text.trim();
  }

  async stats(): Promise<GpuStats> {
    return JSON.parse(await this.command('stats')) as GpuStats;
  }

  /** All that was recorded since the start, or since the command clear-events. */
  async events(): Promise<GpuEvent[]> {
    return JSON.parse(await this.command('events')) as GpuEvent[];
  }

  /** The `nth` call from now gives `code`: without being made, or (`after`) although it was made. */
  async fail(call: FaultCall, nth: number, code: number, when: 'before' | 'after' = 'before'): Promise<void> {
    await this.command(`fail ${call} ${nth} ${code} ${when}`);
  }

  /** The restore thread never answers the `nth` call from now, and none after it. */
  async hang(call: FaultCall, nth = 1): Promise<void> {
    await this.command(`hang ${call} ${nth}`);
  }

  /** The `nth` call from now ends the restore thread, or the whole target by a signal. */
  async crash(call: FaultCall, what: 'thread' | 'process', nth = 1): Promise<void> {
    await this.command(`crash ${call} ${nth} ${what}`);
  }

  /** The caller of the `nth` call from now dies by SIGKILL with its request sent, or with half of the answer read. */
  async killCaller(call: FaultCall, when: 'request' | 'answer', nth = 1): Promise<void> {
    await this.command(`kill ${call} ${nth} ${when}`);
  }
}
