/** A criu-ts of its own that was installed in a node_modules, for packages beside it. */
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './run-command.js';

export interface InstalledHome {
  /** The node_modules. */
  readonly modules: string;
  readonly command: string;
}

/** The command finds its place by its own path, so that it is copied; what it loads may be elsewhere. */
export function installHome(folder: string): InstalledHome {
  const modules = join(folder, 'node_modules');
  const home = join(modules, 'criu-ts');
  for (const part of ['core/cli', 'dist/cli']) cpSync(join(repository, part), join(home, part), { recursive: true });
  for (const part of ['native', 'plugins']) symlinkSync(join(repository, part), join(home, part));
  return { modules, command: join(home, 'core/cli/criu-ts') };
}
