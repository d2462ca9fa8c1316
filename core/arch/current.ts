/** The one place that chooses the architecture. */
import { CrError } from '../errors.js';
import type { Arch } from './arch.js';
import { x64 } from './x64/x64.js';

const ARCHES: Readonly<Record<string, Arch>> = { x64 };

/** @throws CrError CR_UNSUPPORTED that names an architecture which is not built */
export function archOf(name: string): Arch {
  const found = Object.hasOwn(ARCHES, name) ? ARCHES[name] : undefined;
  if (found) return found;
  throw new CrError('CR_UNSUPPORTED', {
    message: `criu-ts is not built for ${name} yet; it is for ${Object.keys(ARCHES).join(', ')}`,
    hint: `A port adds core/arch/${name} and the files of native/ that core/docs/ports.md lists.`,
    target: 'not started',
  });
}

/** That of this process, and so of every task that it can hold. */
export const arch: Arch = archOf(process.arch);
