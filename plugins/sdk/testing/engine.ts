/** The criu-ts that a test runs with: the package beside it, or that of the command in PATH (a global installation has no other way to be imported). */
import { accessSync, constants, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Engine from 'criu-ts';

/** Where the command lies in its package. */
const COMMAND = 'core/cli/criu-ts';
/** What the package exports. */
const ENTRY = 'dist/core/index.js';

/** Folder of the package whose command is in `path`; null when there is none. */
export function engineInPath(path: string): string | null {
  for (const folder of path.split(':').filter((text) => text.startsWith('/'))) {
    try {
      const command = realpathSync(join(folder, 'criu-ts'));
      const root = command.slice(0, -COMMAND.length - 1);
      if (command !== join(root, COMMAND)) continue;
      accessSync(join(root, ENTRY), constants.R_OK);
      return root;
    } catch {
      // Not there: the next one.
    }
  }
  return null;
}

/** @throws Error that says where was looked */
export async function loadEngine(): Promise<typeof Engine> {
  try {
    return await import('criu-ts');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
  }
  const path = process.env['PATH'] ?? '';
  const root = engineInPath(path);
  if (root === null) throw new Error(`criu-ts is neither a package near ${dirname(import.meta.filename)} nor a command in PATH (${path})`);
  return (await import(pathToFileURL(join(root, ENTRY)).href)) as typeof Engine;
}
