/**
 * The helper process of a native part: loads the addon and calls its functions, one message each. Whatever happens to it happens to nobody else; it ends
 * with the channel to the engine.
 */
import { closeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { takeFrom } from './native-descriptors.js';
import { addonProblem, findNativeFile, ownLibrary } from './native-file.js';
import { type FromHelper, HELPER_ENV, type HelperTask, type ToHelper } from './native-messages.js';

type Exports = Readonly<Record<string, unknown>>;
type Exported = (argument: unknown, fds: readonly number[]) => unknown;

const say = (message: FromHelper): void => void process.send!(message);
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @throws Error that says what was found and what is needed */
function load({ folder, path, abi }: HelperTask): { file: string; exports: Exports } {
  const library = ownLibrary();
  const file = findNativeFile(folder, path, library.name);
  const problem = addonProblem(file, library);
  if (problem !== null) throw new Error(problem);
  const exports: unknown = createRequire(import.meta.url)(file);
  const found = typeof exports === 'object' && exports !== null ? (exports as Exports)['criuTsPluginAbi'] : undefined;
  if (found === undefined) throw new Error(`${file} tells no ABI number: build it with CRIU_TS_PLUGIN() of criu_ts_plugin.h`);
  if (found !== abi)
    throw new Error(`${file} was built for ABI ${String(found)}; its manifest and this criu-ts have ${abi}: build it again`);
  return { file, exports: exports as Exports };
}

async function call(exports: Exports, message: Extract<ToHelper, { type: 'call' }>): Promise<FromHelper> {
  const { id, name, argument, fds } = message;
  const own: number[] = [];
  try {
    const work = exports[name];
    if (typeof work !== 'function') throw new Error(`there is no function ${name}; there are ${namesOf(exports).join(', ')}`);
    for (const fd of fds) own.push(takeFrom(process.ppid, fd));
    return { type: 'result', id, value: await (work as Exported)(argument, own) };
  } catch (error) {
    const errno = (error as { errno?: unknown } | null)?.errno;
    return { type: 'error', id, message: textOf(error), ...(typeof errno === 'number' ? { errno } : {}) };
  } finally {
    for (const fd of own) closeSync(fd);
  }
}

function namesOf(exports: Exports): string[] {
  return Object.keys(exports).filter((name) => typeof exports[name] === 'function');
}

function serve(exports: Exports): void {
  // One after the other, so that a native part need not guard its state.
  let last: Promise<void> = Promise.resolve();
  process.on('message', (message: ToHelper) => {
    last = last.then(async () => {
      if (message.type === 'call') return say(await call(exports, message));
      closeSync(message.fd);
      say({ type: 'result', id: message.id, value: null });
    });
  });
}

process.on('disconnect', () => process.exit(0));
try {
  const { file, exports } = load(JSON.parse(process.env[HELPER_ENV] ?? '{}') as HelperTask);
  serve(exports);
  say({ type: 'ready', file, names: namesOf(exports) });
} catch (error) {
  say({ type: 'refused', why: textOf(error) });
}
