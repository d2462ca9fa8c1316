/** Native parts of plugins, each in a helper process of its own (native-runner.ts): when it crashes, one call of the plugin fails. */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CrError } from '../errors.js';
import type { NativeOptions, NativeProcess } from './definition.js';
import { takeFrom } from './native-descriptors.js';
import { type FromHelper, HELPER_ENV, type HelperTask, type ToHelper } from './native-messages.js';
import { homeFolder } from './places.js';
import type { LoadedPlugin } from './session.js';

const START_MS = 10_000;
const MAX_STDERR = 4096;
const MAX_FDS = 253;

interface Pending {
  readonly what: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

function failed(plugin: string, message: string, hint?: string): CrError {
  return new CrError('CR_PLUGIN', { message: `native part of ${plugin}: ${message}`, ...(hint === undefined ? {} : { hint }) });
}

class Helper implements NativeProcess {
  private readonly pending = new Map<number, Pending>();
  private next = 1;
  private ended: string | null = null;
  private stderr = '';
  private readonly exit: Promise<void>;

  constructor(
    private readonly plugin: string,
    private readonly child: ChildProcess,
  ) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-MAX_STDERR);
    });
    child.on('message', (message: FromHelper) => this.take(message));
    this.exit = new Promise((resolve) => {
      child.on('error', (error) => this.end(`could not be started: ${error.message}`));
      child.on('close', (status, signal) => {
        this.end(signal === null ? `its process ended with status ${status}` : `its process was ended by ${signal}`);
        resolve();
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Waits for the addon. @throws CrError CR_PLUGIN that says what was found and what is needed */
  async ready(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(failed(this.plugin, `was not loaded within ${START_MS} ms`)), START_MS);
    });
    try {
      await Promise.race([this.expect(0, 'was being loaded'), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private expect(id: number, what: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.ended !== null) reject(failed(this.plugin, this.ended));
      else this.pending.set(id, { what, resolve, reject });
    });
  }

  private take(message: FromHelper): void {
    const id = 'id' in message ? message.id : 0;
    const waiting = this.pending.get(id);
    this.pending.delete(id);
    if (!waiting) return;
    if (message.type === 'ready') waiting.resolve(message.file);
    else if (message.type === 'refused')
      waiting.reject(failed(this.plugin, message.why, 'Install or build a native part that fits this host.'));
    else if (message.type === 'result') waiting.resolve(message.value);
    else waiting.reject(Object.assign(failed(this.plugin, message.message), message.errno === undefined ? {} : { errno: message.errno }));
  }

  private end(how: string): void {
    this.ended ??= how;
    const said = this.stderr.trim().split('\n').at(-1) ?? '';
    for (const [id, { what, reject }] of this.pending) {
      this.pending.delete(id);
      reject(
        failed(this.plugin, `${how} while ${what}${said === '' ? '' : `: ${said.slice(0, 300)}`}`, 'It is a mistake in the native part.'),
      );
    }
  }

  private send(message: ToHelper, what: string): Promise<unknown> {
    const answer = this.expect(message.id, what);
    if (this.ended === null) this.child.send(message, (error) => error && this.end(`cannot be reached: ${error.message}`));
    return answer;
  }

  async call(name: string, argument?: unknown, { fds = [] }: { readonly fds?: readonly number[] } = {}): Promise<unknown> {
    if (fds.length > MAX_FDS || !fds.every((fd) => Number.isInteger(fd) && fd >= 0))
      throw failed(
        this.plugin,
        `${name} was given descriptors ${fds.slice(0, 10).join(', ')}: at most ${MAX_FDS} whole numbers are possible`,
      );
    return this.send({ type: 'call', id: this.next++, name, argument, fds }, `it worked on ${name.slice(0, 80)}`);
  }

  async takeFd(fd: number): Promise<number> {
    if (this.ended !== null) throw failed(this.plugin, this.ended);
    const own = takeFrom(this.pid, fd);
    await this.send({ type: 'close', id: this.next++, fd }, `it closed descriptor ${fd}`);
    return own;
  }

  async close(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit;
  }
}

/** The program of the helper: the compiled module, also when the engine is one file. */
function runnerFile(): string {
  const file = join(homeFolder(), 'dist/core/plugins/native-runner.js');
  if (existsSync(file)) return file;
  throw new CrError('CR_INTERNAL', { message: `${file} is missing`, hint: 'Run `npm run setup` in the criu-ts folder.' });
}

/** Starts it. @throws CrError CR_PLUGIN */
export async function startNative({ manifest, folder }: LoadedPlugin, options: NativeOptions = {}): Promise<NativeProcess> {
  const { name, native } = manifest;
  if (!native) throw failed(name, 'there is none: its manifest has no "native"');
  const task: HelperTask = { folder, path: native.path, abi: native.abi };
  const child = fork(runnerFile(), [], {
    cwd: '/',
    env: { PATH: process.env['PATH'], ...options.env, [HELPER_ENV]: JSON.stringify(task) },
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const helper = new Helper(name, child);
  try {
    await helper.ready();
    return helper;
  } catch (error) {
    await helper.close();
    throw error;
  }
}
