/**
 * Around every call of a plugin: a deadline, and its name on whatever goes wrong. A timer cannot fire while the plugin blocks the event loop, so a native
 * watchdog is armed besides, a little later: it lets a frozen tree go whatever JavaScript does.
 */
import { aborted, CrError } from '../errors.js';

export interface Blame {
  readonly plugin: string;
  readonly version: string;
  readonly hook: string;
  /** File and line of the registration. */
  readonly site: string;
}

/** The native watchdog of a run. */
export interface Watch {
  /** @param who for the last words of a process that is stuck */
  arm(ms: number, who: string): void;
  disarm(): void;
}

export const NO_WATCH: Watch = { arm: () => undefined, disarm: () => undefined };

/** Begins the subject of every error that has its plugin, hook and place. */
const SITE = 'registered at ';

/** How much later than the timer the watchdog bites: a plugin that merely waits must meet the timer. */
const WATCHDOG_EXTRA_MS = 2_000;
/** The longest deadline that the watchdog takes. */
const DAY_MS = 86_400_000;

function who({ plugin, version, hook }: Blame): string {
  return `plugin ${plugin} ${version} in ${hook}`;
}

/** The next step, where an error says one: also one of the plugin's own classes, or of another copy of ours (the command is bundled, plugins are not). */
function hintOf(error: unknown): string | undefined {
  const hint = error instanceof Error && 'hint' in error ? error.hint : undefined;
  return typeof hint === 'string' && hint !== '' ? hint.slice(0, 4096) : undefined;
}

/** The error of a plugin as one of ours: who, where, and what it said. The run adds the state of the target, which it has undone by then. */
export function blamed(error: unknown, blame: Blame): CrError {
  // One hook that calls another, and a claim below a dump, are blamed where it happened.
  if (error instanceof CrError && error.code === 'CR_PLUGIN' && error.subject.what?.startsWith(SITE) === true) return error;
  const hint = hintOf(error);
  const message = error instanceof CrError ? error.report().split('\n')[0] : error instanceof Error ? error.message : String(error);
  return new CrError('CR_PLUGIN', {
    message: `${who(blame)}: ${message}`,
    subject: { what: `${SITE}${blame.site}` },
    ...(hint === undefined ? {} : { hint }),
    ...(error instanceof CrError && error.kernel !== undefined ? { kernel: error.kernel } : {}),
    cause: error,
  });
}

function late(blame: Blame, ms: number): CrError {
  return new CrError('CR_PLUGIN', {
    message: `${who(blame)} did not answer within ${ms} ms`,
    subject: { what: `${SITE}${blame.site}` },
    hint: `Give it more time with "deadlines" in its manifest, or leave it out with --disable-plugin ${blame.plugin}.`,
  });
}

export interface Limits {
  /** Milliseconds. */
  readonly ms: number;
  readonly watch: Watch;
  /** Ends the waiting too; not given where something is being taken back. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls `work` and waits for it. What a late plugin does afterwards no longer matters to the caller.
 * @throws CrError CR_PLUGIN, CR_ABORTED
 */
export async function guarded<T>(blame: Blame, { ms, watch, signal }: Limits, work: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  watch.arm(Math.min(ms + WATCHDOG_EXTRA_MS, DAY_MS), `${who(blame)} (${blame.site})`);
  try {
    const overdue = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(late(blame, ms)), ms);
      stop = () => reject(aborted(signal?.reason, `while ${who(blame)} worked`));
      signal?.addEventListener('abort', stop, { once: true });
    });
    return await Promise.race([(async () => work())(), overdue]);
  } catch (error) {
    throw error instanceof CrError && error.code === 'CR_ABORTED' ? error : blamed(error, blame);
  } finally {
    clearTimeout(timer);
    if (stop) signal?.removeEventListener('abort', stop);
    watch.disarm();
  }
}

/** Milliseconds that a hook which answers at once may take, unless its manifest has another limit: nothing but the native watchdog can see that it does not. */
export const AT_ONCE_MS = 2_000;

/** The same for a hook that answers at once. */
export function guardedSync<T>(blame: Blame, { ms, watch }: Pick<Limits, 'ms' | 'watch'>, work: () => T): T {
  watch.arm(Math.min(ms + WATCHDOG_EXTRA_MS, DAY_MS), `${who(blame)} (${blame.site})`);
  try {
    const answer = work();
    if (answer instanceof Promise) throw new TypeError('answered a promise; this hook must answer at once');
    return answer;
  } catch (error) {
    throw blamed(error, blame);
  } finally {
    watch.disarm();
  }
}

/** File and line of the function `depth` calls above the one that calls this. */
export function siteOf(depth: number): string {
  // The first line is the error's text, the second one this function.
  const frame = (new Error().stack ?? '').split('\n')[depth + 2] ?? '';
  return /\(?((?:file:\/\/)?\/[^()]+:\d+):\d+\)?$/.exec(frame)?.[1]?.replace('file://', '') ?? 'an unknown place';
}
