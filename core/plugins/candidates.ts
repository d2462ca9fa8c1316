/** Whether there can be any plugin for a run: looked at before anything of the plugin framework is loaded, because most runs have none. */
import { join } from 'node:path';
import { hostProblem, installedIn, isData, readPackage } from './packages.js';
import { BUNDLED } from './places.js';

/** Whether a bundled plugin finds one of the paths that its manifest names. */
function mayWork(folder: string): boolean {
  try {
    const manifest = readPackage(folder)?.manifest;
    if (!isData(manifest)) return false;
    const { host } = manifest as { host?: { anyOf?: string[] } };
    return hostProblem(host) === null;
  } catch {
    // Damaged: who names it is told.
    return false;
  }
}

/** False when nobody asked for a plugin and nothing that was found could work on this host. */
export function mayHavePlugins(asked: number, folders: readonly string[], home: string): boolean {
  if (asked > 0 || folders.length > 0) return true;
  return BUNDLED.some((name) => mayWork(join(home, 'plugins', name))) || installedIn(home).length > 0;
}
