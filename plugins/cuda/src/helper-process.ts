/**
 * The helper that loads the driver library (plugins/cuda/native): started once per run, asked many things at once, and left alone when it hangs. The protocol is
 * told in native/src/protocol.h.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { CudaError } from './errors.js';
import type { AbandonedCall } from './backend.js';

/** What the driver said: a CUresult, and what was asked for. */
export interface HelperAnswer {
  readonly code: number;
  readonly value: unknown;
}

/** A call that the helper did not answer in time. */
export class HelperLate extends Error {}

interface Waiting {
  readonly resolve: (answer: HelperAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Longest answer: the devices of a host with hundreds of them. */
const MAX_ANSWER = 1 << 20;
/** Last words of a helper that died. */
const MAX_WORDS = 4096;
const QUIT_MS = 2_000;

/** Devices are asked for and mapped by UUID, so all of them must be visible, whatever we were started with. */
const HIDING = ['CUDA_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER'];

function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !HIDING.includes(name)));
}

export class HelperProcess {
  private readonly waiting = new Map<number, Waiting>();
  private readonly lost: AbandonedCall[] = [];
  private last = 0;
  private unread = '';
  private words = '';
  private dead: string | undefined;
  private readonly requests: Socket;
  private readonly answers: Socket;
  private readonly ended: Promise<void>;

  private constructor(private readonly child: ChildProcess) {
    const [requests, , errors, answers] = child.stdio as unknown as [Socket, null, Socket, Socket];
    this.requests = requests;
    this.answers = answers;
    answers.setEncoding('utf8').on('data', (text: string) => this.read(text));
    errors.setEncoding('utf8').on('data', (text: string) => {
      this.words = (this.words + text).slice(-MAX_WORDS);
    });
    errors.unref();
    // The exit says why; a pipe that breaks first only says that.
    for (const stream of [requests, answers, errors]) stream.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => this.die(`cannot be started: ${error.message}`, resolve));
      child.once('exit', (code, signal) => this.die(signal === null ? `ended with status ${code}` : `was killed by ${signal}`, resolve));
    });
    child.unref();
    this.hold(false);
  }

  /** `library`: path or name of the driver library, as dlopen(3) takes it. */
  static start(program: string, library: string | undefined): HelperProcess {
    const args = library === undefined ? [] : [library];
    // A session of its own: Ctrl-C in the terminal must not end a call half-way.
    return new HelperProcess(spawn(program, args, { detached: true, stdio: ['pipe', 'ignore', 'pipe', 'pipe'], env: environment() }));
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /**
   * Asks one thing. `pid` is the process that the call is about, 0 for none. @throws HelperLate after `ms`, when the call goes on without us; CudaError when
   * the helper is gone or refuses
   */
  call(operation: string, args: readonly (string | number)[], ms: number, pid = 0): Promise<HelperAnswer> {
    if (this.dead !== undefined) return Promise.reject(this.gone(operation));
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.abandon(id, operation, pid), ms);
      this.waiting.set(id, { resolve, reject, timer });
      this.hold(true);
      this.requests.write(`${[id, operation, ...args].join(' ')}\n`);
    });
  }

  /**
   * Ends the helper, unless a call hangs in it: then it is left alone, and named in the answer. `keep`: what was done to processes stays; otherwise the helper takes
   * back what is left of it.
   */
  async close(keep: boolean): Promise<readonly AbandonedCall[]> {
    if (this.dead === undefined) {
      this.requests.end(keep ? `${++this.last} quit\n` : '');
      if (this.lost.length === 0) await this.endWithin(QUIT_MS);
    }
    for (const stream of this.child.stdio) stream?.destroy();
    return this.lost;
  }

  private async endWithin(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    this.answers.ref();
    await Promise.race([this.ended, late]);
    clearTimeout(timer);
  }

  /** Whether Node has to stay for the answers. */
  private hold(on: boolean): void {
    if (on) this.answers.ref();
    else this.answers.unref();
    this.requests.unref();
  }

  private take(id: number): Waiting | undefined {
    const call = this.waiting.get(id);
    if (!call) return undefined;
    clearTimeout(call.timer);
    this.waiting.delete(id);
    if (this.waiting.size === 0) this.hold(false);
    return call;
  }

  private abandon(id: number, operation: string, pid: number): void {
    this.lost.push({ pid, action: operation, helper: this.pid });
    if (pid !== 0) this.requests.write(`${++this.last} abandon ${id} ${pid}\n`);
    this.take(id)?.reject(new HelperLate(operation));
  }

  private read(text: string): void {
    const lines = (this.unread + text).split('\n');
    this.unread = lines.pop() ?? '';
    if (this.unread.length > MAX_ANSWER) this.unread = '';
    for (const line of lines) this.settle(line);
  }

  private settle(line: string): void {
    let answer: { id?: unknown; code?: unknown; value?: unknown; error?: unknown };
    try {
      answer = JSON.parse(line) as typeof answer;
    } catch {
      // Nobody can be blamed for a line that has no number; the call that it was for meets its deadline.
      return;
    }
    // Abandoned calls end too, when they like.
    const call = this.take(Number(answer.id));
    if (!call) return;
    if (typeof answer.code === 'number') call.resolve({ code: answer.code, value: answer.value });
    else call.reject(new CudaError(String(answer.error), 'Look at the driver installation: `nvidia-smi` must work.'));
  }

  private die(how: string, done: () => void): void {
    this.dead = how;
    for (const id of [...this.waiting.keys()]) this.take(id)?.reject(this.gone('a call'));
    done();
  }

  private gone(what: string): CudaError {
    const words = this.words.trim();
    const said = words === '' ? '' : `; its last words: ${words.split('\n').slice(-3).join(' | ')}`;
    const name = `the CUDA helper (pid ${this.pid ?? 'none'})`;
    return new HelperGone(
      `${name} ${this.dead ?? 'is gone'} during ${what}${said}`,
      'A driver call crashed: look at the kernel log, and try the other back end (option backend=tool).',
    );
  }
}

/** The helper died: what its calls did to their processes is not known. */
export class HelperGone extends CudaError {}
