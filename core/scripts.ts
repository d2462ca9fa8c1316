/**
 * Action scripts: programs of the user that run at fixed points of a dump or restore (criu.md 2.6). One table says when each name runs and
 * what its failure means; RPC clients get the same names as notifications.
 */
import { closeSync, constants, openSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { aborted, CrError, type TargetState } from './errors.js';
import type { Log } from './log.js';

type OnFailure = 'fatal' | 'logged' | 'ignored';

interface ScriptPoint {
  readonly when: string;
  /** fatal: the operation ends and is undone. logged: an error line. ignored: a warning line. */
  readonly onFailure: OnFailure;
  readonly rpcOnly?: true;
}

/** Every point, in the order in which one dump and one restore pass them. */
export const SCRIPT_POINTS = {
  'pre-stream': { when: 'before connecting to the image streamer', onFailure: 'fatal' },
  'pre-dump': { when: 'before anything of a dump', onFailure: 'fatal' },
  'network-lock': { when: 'tree frozen, its network namespace about to be locked', onFailure: 'fatal' },
  'query-ext-files': { when: 'dump, after the network lock', onFailure: 'fatal', rpcOnly: true },
  'post-dump': { when: 'images complete, tasks still frozen; a failure keeps them running and is the exit status', onFailure: 'fatal' },
  'pre-restore': { when: 'before anything is created', onFailure: 'fatal' },
  'setup-namespaces': { when: 'root alive in empty namespaces', onFailure: 'fatal' },
  'post-setup-namespaces': { when: 'namespaces filled', onFailure: 'fatal' },
  'orphan-pts-master': { when: 'a restored task gives its pty master away', onFailure: 'ignored', rpcOnly: true },
  'post-restore': { when: 'everything restored, nothing runs yet, network still locked', onFailure: 'fatal' },
  'network-unlock': { when: 'network namespace unlocked', onFailure: 'ignored' },
  'pre-resume': { when: 'tasks about to run', onFailure: 'logged' },
  'post-resume': { when: 'tasks run', onFailure: 'logged' },
  'status-ready': { when: 'a server is ready', onFailure: 'fatal' },
} as const satisfies Record<string, ScriptPoint>;

export type ScriptName = keyof typeof SCRIPT_POINTS;

/** Exit status that stands for "could not be started or was killed"; CRIU's shell convention has no better word. */
const STATUS_NOT_RUN = 1;
/** For a script that is told to end. */
const GRACE_MS = 1000;

export interface ActionScriptsConfig {
  /** Programs in the order in which they were given. */
  readonly scripts: readonly string[];
  readonly imagesDir: string;
  /** Working folder of the scripts, and where a relative name begins: CRIU has gone there by then. */
  readonly workDir: string;
  readonly log: Log;
  /** Cancels the run, and with it the script that runs. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs the scripts of one dump or restore. It does nothing at all when the user gave none. */
export class ActionScripts {
  readonly #config: ActionScriptsConfig;

  constructor(config: ActionScriptsConfig) {
    this.#config = config;
  }

  /**
   * Runs all scripts for one point, the last given first, each to its end; their exit statuses are OR-ed, as CRIU does. Whoever calls waits for the
   * end: the state of the tree must not move on while a script looks at it. A cancelled run ends the script that runs, with SIGTERM and then SIGKILL.
   * @param initPid root of the tree in our pid namespace, from the first moment there is one
   * @param target state named in the error
   * @throws CrError CR_SCRIPT when a script failed and the point says `fatal`; its `exitCode` is the OR of the statuses. CR_ABORTED in the same place.
   */
  async run(name: ScriptName, target: TargetState, initPid?: number): Promise<void> {
    if (this.#config.scripts.length === 0) return;
    const { log, signal } = this.#config;
    let status = 0;
    let failed = '';
    for (const script of [...this.#config.scripts].reverse()) {
      log.debug(`Running ${name} script ${script}`);
      const result = await this.#runOne(script, name, initPid);
      status |= result.status;
      if (result.status !== 0) failed += `${failed === '' ? '' : '; '}${script}: ${result.why}`;
      if (signal?.aborted) break;
    }
    const point: ScriptPoint = SCRIPT_POINTS[name];
    const fatal = point.onFailure === 'fatal';
    if (fatal && signal?.aborted) throw aborted(signal.reason, `while the action script for ${name} ran`, target);
    if (status === 0) return;
    const message = `action script for ${name} failed: ${failed}`;
    if (point.onFailure === 'ignored') log.warn(message);
    else log.error(message);
    if (fatal)
      throw new CrError('CR_SCRIPT', {
        message,
        target,
        exitCode: status,
        hint: 'Run the script by hand with the CRTOOLS_ variables set.',
      });
  }

  async #runOne(script: string, name: ScriptName, initPid: number | undefined): Promise<ScriptResult> {
    // The folder goes by descriptor, as CRIU hands it over: the name stays right when the folder is renamed or the script changes directory.
    const dir = openSync(this.#config.imagesDir, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      // spawn, not a shell: the string is the program, there are no arguments. All our descriptors are close-on-exec; only stdio goes along.
      const child = process.getBuiltinModule('node:child_process').spawn(script, [], {
        stdio: 'inherit',
        cwd: this.#config.workDir,
        env: {
          ...process.env,
          CRTOOLS_SCRIPT_ACTION: name,
          CRTOOLS_IMAGE_DIR: `/proc/${process.pid}/fd/${dir}`,
          ...(initPid === undefined ? {} : { CRTOOLS_INIT_PID: String(initPid) }),
        },
      });
      return await endOf(child, this.#config.signal);
    } finally {
      closeSync(dir);
    }
  }
}

interface ScriptResult {
  readonly status: number;
  readonly why: string;
}

/** Waits for the end of a script, and brings it about when the run is cancelled. */
async function endOf(child: ChildProcess, signal: AbortSignal | undefined): Promise<ScriptResult> {
  let killer: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGTERM');
    killer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  };
  if (signal?.aborted) end();
  signal?.addEventListener('abort', end, { once: true });
  try {
    return await new Promise((resolve) => {
      child.once('error', (error) =>
        resolve({ status: STATUS_NOT_RUN, why: `cannot be run: ${(error as NodeJS.ErrnoException).code ?? error.message}` }),
      );
      child.once('exit', (code, by) =>
        resolve(
          code === null ? { status: STATUS_NOT_RUN, why: `killed by ${by ?? 'a signal'}` } : { status: code, why: `exit status ${code}` },
        ),
      );
    });
  } finally {
    clearTimeout(killer);
    signal?.removeEventListener('abort', end);
  }
}
