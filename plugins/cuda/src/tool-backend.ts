/** NVIDIA's cuda-checkpoint program: slower (it attaches to the driver in every run), but there since r555. Nothing but exit status and answers of --get-* is read. */
import {
  STATE_NAMES,
  type AbandonedCall,
  type BackendInfo,
  type CallLimits,
  type CudaBackend,
  type CudaDevice,
  type CudaState,
  type DevicesLook,
} from './backend.js';
import { CallingBackend, limitsOf, type CallSettings } from './calling-backend.js';
import { callHung, CudaCallError, CudaError, type CudaAction } from './errors.js';
import { moduleVersion } from './driver-module.js';
import { devicesOfModule } from './module-devices.js';
import { runTool, ToolLate, type ToolResult } from './tool-process.js';

interface ToolSettings extends CallSettings {
  /** Path, or a name for PATH. */
  readonly tool?: string;
}

const NAME = 'cuda-checkpoint';

export class ToolBackend extends CallingBackend implements CudaBackend {
  private readonly lost: AbandonedCall[] = [];

  private constructor(limits: CallLimits, info: BackendInfo) {
    // The program attaches to the driver first, outside of the time that it is given.
    super(limits, info, limits.attachMs);
  }

  /** Runs the program once, to see that it is there and knows actions. @throws CudaError */
  static async open(settings: ToolSettings = {}): Promise<ToolBackend> {
    const path = settings.tool ?? NAME;
    const limits = limitsOf(settings);
    let help: ToolResult;
    try {
      help = await runTool(path, ['--help'], limits.attachMs);
    } catch (error) {
      const why =
        error instanceof ToolLate
          ? `does not end within ${limits.attachMs} ms`
          : `cannot be run (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
      throw new CudaError(`${path} ${why}`, "Put NVIDIA's cuda-checkpoint into PATH, or name it with the option tool.");
    }
    if (help.status !== 0 || !help.stdout.includes('--action'))
      throw new CudaError(`${path} --help does not tell of --action`, 'The cuda-checkpoint program of r555 or later is needed.');
    return new ToolBackend(limits, { kind: 'tool', cudaVersion: null, moduleVersion: moduleVersion(), path });
  }

  devices(): Promise<readonly CudaDevice[]> {
    return Promise.resolve(devicesOfModule());
  }

  /** The program cannot tell. */
  freeMemory(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(new Map());
  }

  look(): Promise<DevicesLook> {
    return Promise.resolve({ unseen: `the program ${this.info.path} cannot ask it` });
  }

  async restoreThread(pid: number): Promise<number | null> {
    const { status, stdout } = await this.run(pid, 'find thread', ['--get-restore-tid'], this.questionMs);
    // Every failure has the same status: there is nothing to tell a process without CUDA from one that cannot be reached.
    if (status !== 0) return null;
    if (!/^\d{1,9}\s*$/.test(stdout)) throw this.failed(pid, 'find thread', `answered "${stdout.trim().slice(0, 40)}", which is no thread`);
    return Number(stdout);
  }

  async state(pid: number): Promise<CudaState> {
    const result = await this.run(pid, 'state', ['--get-state'], this.questionMs);
    if (result.status !== 0) throw this.refused(pid, 'state', result);
    const word = result.stdout.trim();
    return STATE_NAMES.find((name) => name === word) ?? 'other';
  }

  close(): Promise<readonly AbandonedCall[]> {
    return Promise.resolve(this.lost);
  }

  protected timeoutWords(ms: number): readonly string[] {
    return ['--timeout', String(ms)];
  }

  protected pairWords(pairs: readonly string[]): readonly string[] {
    return pairs.length === 0 ? [] : ['--device-map', pairs.join(',')];
  }

  protected async act(pid: number, action: CudaAction, words: readonly string[], ms: number): Promise<void> {
    const result = await this.run(pid, action, ['--action', action, ...words], ms);
    if (result.status !== 0) throw this.refused(pid, action, result);
  }

  private async run(pid: number, action: CudaAction, args: readonly string[], ms: number): Promise<ToolResult> {
    let result: ToolResult;
    try {
      result = await runTool(this.info.path, [...args, '--pid', String(pid)], ms);
    } catch (error) {
      if (!(error instanceof ToolLate))
        throw this.failed(pid, action, `cannot be run (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
      this.lost.push({ pid, action, helper: error.toolPid });
      throw callHung(pid, action, ms, error.toolPid);
    }
    if (result.signal === null) return result;
    throw new CudaCallError(
      pid,
      action,
      undefined,
      `${this.info.path} was killed by ${result.signal} during the call`,
      'Look at the kernel log.',
      true,
    );
  }

  private refused(pid: number, action: CudaAction, { status, stderr }: ToolResult): CudaCallError {
    const said = stderr.trim().split('\n').slice(-2).join(' | ');
    return this.failed(pid, action, `ended with status ${status}${said === '' ? '' : ` and said: ${said}`}`);
  }

  private failed(pid: number, action: CudaAction, what: string): CudaCallError {
    const hint =
      action === 'lock'
        ? 'When the work on the devices needs longer, raise the option lockTimeout.'
        : 'The driver library tells more than the program: option backend=driver, with a driver since r570.';
    return new CudaCallError(pid, action, undefined, `${this.info.path} ${what}`, hint, false);
  }
}
