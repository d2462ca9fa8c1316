/** Whether there can be any plugin for a run: looked at before anything of the plugin framework is loaded, because most runs have none. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BUNDLED, INSTALLED, installedFolders, MANIFEST_KEY } from './places.js';

/** Paths of the host that a bundled plugin needs, by its manifest; an empty list means that it needs none. */
function hostPaths(folder: string): readonly string[] | null {
  try {
    const data = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
      string,
      { host?: { anyOf?: string[] } } | undefined
    >;
    const manifest = data[MANIFEST_KEY];
    return manifest ? (manifest.host?.anyOf ?? []) : null;
  } catch {
    // Not there, or damaged: who names it is told.
    return null;
  }
}

function mayWork(folder: string): boolean {
  const paths = hostPaths(folder);
  return paths !== null && (paths.length === 0 || paths.some((path) => existsSync(path)));
}

function hasInstalled(root: string): boolean {
  try {
    return readdirSync(root).some(
      (name) => INSTALLED.test(name) || (name.startsWith('@') && readdirSync(join(root, name)).some((inner) => INSTALLED.test(inner))),
    );
  } catch {
    return false;
  }
}

/** False when nobody asked for a plugin and nothing that was found could work on this host. */
export function mayHavePlugins(asked: number, folders: readonly string[], home: string): boolean {
  if (asked > 0 || folders.length > 0) return true;
  return BUNDLED.some((name) => mayWork(join(home, 'plugins', name))) || installedFolders(home).some(hasInstalled);
}
