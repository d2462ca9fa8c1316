/** Runs TypeScript and JavaScript of users: configuration files, and plugins that are files. Loaded only when there is one. */
import * as nodeModule from 'node:module';
import { pathToFileURL } from 'node:url';
import { CrError } from '../errors.js';
import { importModule } from '../import-module.js';
import { CODE_MARK, decodeRefusal } from './code-refusal.js';
import { usageError } from './option-row.js';
import { checkTrusted } from './trust.js';

/** A file that waits for ever at its top level must not keep a run waiting. */
const DEADLINE_MS = 10_000;

/** Node >= 22.15; the types are those of the oldest Node that we run on. */
type RegisterHooks = (hooks: { resolve: unknown; load: unknown }) => void;

let installed: Promise<void> | undefined;

/** With Node < 22.15 the hooks run on a thread of their own, which takes tens of milliseconds to start. */
async function install(): Promise<void> {
  const hooks = new URL('./code-hooks.js', import.meta.url).href;
  const registerHooks = (nodeModule as { registerHooks?: RegisterHooks }).registerHooks;
  if (registerHooks === undefined) {
    nodeModule.register(hooks);
    return;
  }
  const { resolveSync, loadSync } = (await importModule(hooks)) as { resolveSync: unknown; loadSync: unknown };
  registerHooks({ resolve: resolveSync, load: loadSync });
}

function describe(file: string, what: string, error: unknown): CrError {
  const refusal = decodeRefusal(error);
  if (refusal !== undefined) return refusal;
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  // The place in the file, when the stack names it.
  const place = error instanceof Error ? /\?criu-ts-code=\d+:(\d+(?::\d+)?)/.exec(error.stack ?? '')?.[1] : undefined;
  const where = place === undefined ? file : `${file}:${place}`;
  return usageError(
    `${where}: ${message.split('\n').join(' ').slice(0, 500)}`,
    `Correct the ${what}; it runs as an ECMAScript or CommonJS module.`,
  );
}

let imports = 0;

/**
 * Imports a file that root or we ourselves wrote, with everything that it imports checked in the same way. TypeScript may have types that can be erased
 * (the rule of Node itself); `criu-ts` and `@criu-ts/plugin-sdk` are those of this program, wherever the file lies.
 * @param what for messages: `configuration`, `plugin`
 * @throws CrError CR_NO_PERMISSION when others can change a file, CR_USAGE when it does not load
 */
export async function importCode(file: string, what: string): Promise<Readonly<Record<string, unknown>>> {
  const url = pathToFileURL(checkTrusted(file, what));
  // Also keeps an earlier state of the file, which Node remembers, from being given again.
  url.searchParams.set(CODE_MARK, String(++imports));
  let timer: NodeJS.Timeout | undefined;
  try {
    await (installed ??= install());
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`did not finish loading in ${DEADLINE_MS / 1000} s`)), DEADLINE_MS);
    });
    return (await Promise.race([importModule(url.href), deadline])) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw error instanceof CrError ? error : describe(file, what, error);
  } finally {
    clearTimeout(timer);
  }
}
