/** A native part in the process of the test: for unit tests and debuggers. The engine loads it into a process of its own. */
import { createRequire } from 'node:module';
import type { NativeProcess } from '../../../core/plugins/definition.js';

/** @param file absolute path of the addon */
export function nativeHere(file: string): NativeProcess {
  const exports = createRequire(import.meta.url)(file) as Readonly<Record<string, (argument: unknown, fds: readonly number[]) => unknown>>;
  return {
    pid: process.pid,
    call: (name, argument, { fds = [] } = {}) =>
      Promise.resolve().then(() => {
        const work = exports[name];
        if (typeof work !== 'function') throw new Error(`${file} has no function ${name}`);
        return work(argument, fds);
      }),
    takeFd: (fd) => Promise.resolve(fd),
    close: () => Promise.resolve(),
  };
}
