/** Where plugins may be, and what says that a package is one. */
import { dirname, join } from 'node:path';

/** Key of the manifest in package.json. */
export const MANIFEST_KEY = 'criu-ts';

/** Folders in plugins/ of criu-ts itself. */
export const BUNDLED = ['cuda', 'amdgpu'];

/** How names of packages begin, without scope, that are looked at without being named. */
export const INSTALLED = 'criu-plugin-';

/** Folder of criu-ts: this module lies in dist/core/plugins, and in the bundle it still has that place (config/bundle.mjs). */
export function homeFolder(): string {
  return dirname(dirname(dirname(import.meta.dirname)));
}

/** node_modules that criu-ts sees: its own, and the one that it is installed in. */
export function installedFolders(home: string): string[] {
  const parent = dirname(home);
  return [join(home, 'node_modules'), ...(parent.endsWith('/node_modules') ? [parent] : [])];
}
