/**
 * Around every call of a plugin: a deadline, and its name on whatever goes wrong. A timer cannot fire while the plugin blocks the event loop, so a native
 * watchdog is armed besides, a little later: it lets a frozen tree go whatever JavaScript does.
 */
import { CrError, type TargetState } from '../errors.js';

export interface Blame {
  readonly plugin: string;
  readonly version: string;
  readonly hook: string;
  /** File and line of the registration. */
  readonly site: string;
  /** State of the target, for the message. */
  readonly target: TargetState | undefined;
}

/** The native watchdog of a run. */
export interface Watch {
  arm(ms: number): void;
  disarm(): void;
}

export const NO_WATCH: Watch = { arm: () => undefined, disarm: () => undefined };

/** How much later than the timer the watchdog bites: a plugin that merely waits must meet the timer. */
const WATCHDOG_EXTRA_MS = 2_000;

function who({ plugin, version, hook }: Blame): string {
  return `plugin ${plugin} ${version} in ${hook}`;
}

/** The error of a plugin as one of ours: who, where, and what it said. */
export function blamed(error: unknown, blame: Blame): CrError {
  const fields = { ...(blame.target === undefined ? {} : { target: blame.target }), cause: error };
  if (error instanceof CrError && error.code === 'CR_PLUGIN') return error;
  const message = error instanceof CrError ? error.report().split('\n')[0] : error instanceof Error ? error.message : String(error);
  return new CrError('CR_PLUGIN', {
    message: `${who(blame)}: ${message}`,
    subject: { what: `registered at ${blame.site}` },
    ...(error instanceof CrError && error.hint !== undefined ? { hint: error.hint } : {}),
    ...(error instanceof CrError && error.kernel !== undefined ? { kernel: error.kernel } : {}),
    ...fields,
  });
}

function late(blame: Blame, ms: number): CrError {
  return new CrError('CR_PLUGIN', {
    message: `${who(blame)} did not answer within ${ms} ms`,
    subject: { what: `registered at ${blame.site}` },
    hint: `Give it more time with "deadlines" in its manifest, or leave it out with --disable-plugin ${blame.plugin}.`,
    ...(blame.target === undefined ? {} : { target: blame.target }),
  });
}

/** Calls `work` and waits for it, at most `ms`. What a late plugin does afterwards no longer matters to the caller. @throws CrError CR_PLUGIN */
export async function guarded<T>(blame: Blame, ms: number, watch: Watch, work: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  watch.arm(ms + WATCHDOG_EXTRA_MS);
  try {
    const overdue = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(late(blame, ms)), ms);
    });
    return await Promise.race([(async () => work())(), overdue]);
  } catch (error) {
    throw blamed(error, blame);
  } finally {
    clearTimeout(timer);
    watch.disarm();
  }
}

/** The same for a hook that answers at once. */
export function guardedSync<T>(blame: Blame, work: () => T): T {
  try {
    const answer = work();
    if (answer instanceof Promise) throw new TypeError('answered a promise; this hook must answer at once');
    return answer;
  } catch (error) {
    throw blamed(error, blame);
  }
}

/** File and line that called the function above the caller of this one; of the plugin, that is. */
export function siteOf(depth: number): string {
  const frame = (new Error().stack ?? '').split('\n')[depth + 1] ?? '';
  return /\(?((?:file:\/\/)?\/[^()]+:\d+):\d+\)?$/.exec(frame)?.[1]?.replace('file://', '') ?? 'an unknown place';
}
