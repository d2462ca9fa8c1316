/** Whether there can be any plugin for a run: looked at before anything of the plugin framework is loaded, because most runs have none. */
import { join } from 'node:path';
import type { Manifest } from './definition.js';
import { type TreeObjects, uselessness } from './needs.js';
import { hostProblem, installedIn, isData, readPackage } from './packages.js';
import { BUNDLED } from './places.js';

/** Whether a package may have something to do, by what it says of itself. @param broken what to answer when that makes no sense */
function mayWork(folder: string, objects: TreeObjects | null, broken: boolean): boolean {
  try {
    const written = readPackage(folder);
    if (!written || !isData(written.manifest)) return false;
    const manifest = written.manifest as unknown as Manifest;
    return hostProblem(manifest.host) === null && (objects === null || uselessness(manifest, objects) === null);
  } catch {
    return broken;
  }
}

/**
 * False when nobody asked for a plugin and nothing that was found could have anything to do.
 * @param objects of the tree to dump; null when there is none
 */
export function mayHavePlugins(asked: number, folders: readonly string[], home: string, objects: TreeObjects | null): boolean {
  if (asked > 0 || folders.length > 0) return true;
  // A damaged bundled one is told to who names it, an installed one to everybody.
  return (
    BUNDLED.some((name) => mayWork(join(home, 'plugins', name), objects, false)) ||
    installedIn(home).some((folder) => mayWork(folder, objects, true))
  );
}
