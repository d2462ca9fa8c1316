/** Whether there can be any plugin for a run: looked at before anything of the plugin framework is loaded, because most runs have none. */
import { bundledPlugins } from './bundled.js';
import type { Manifest } from './definition.js';
import { waitsForObjects } from './needs.js';
import { hostProblem, installedIn, isData, PackageReader } from './packages.js';
import { type WaitingPlugin, waitingPlugin } from './waiting.js';

export interface Candidates {
  /** Somebody asked for plugins, or one that was found does more than to take objects: they are opened before anything else is done. */
  readonly now: boolean;
  /** Those that have something to do only when the tree holds what they claim. */
  readonly waiting: readonly WaitingPlugin[];
}

const NOW: Candidates = { now: true, waiting: [] };

/** By what manifests say. @param asked how many plugins the user named @param folders in which he has more @param home of criu-ts */
export function findCandidates(asked: number, folders: readonly string[], home: string): Candidates {
  if (asked > 0 || folders.length > 0) return NOW;
  const packages = new PackageReader();
  const waiting: WaitingPlugin[] = [];
  const bundled = bundledPlugins(home).map(({ name, manifest }) => ({ folder: `${home}/plugins/${name}`, manifest }));
  const installed = installedIn(home).flat();
  for (const { folder, manifest: known } of [...bundled, ...installed.map((path) => ({ folder: path, manifest: null }))]) {
    try {
      const manifest = known ?? manifestIn(packages, folder);
      if (!manifest || hostProblem(manifest.host) !== null) continue;
      if (!waitsForObjects(manifest)) return NOW;
      waiting.push(waitingPlugin(manifest, folder));
    } catch {
      // The framework tells what is wrong with it.
      return NOW;
    }
  }
  return { now: false, waiting };
}

/** Nobody has checked it yet: anything may be missing in it, or be of another type. What makes no sense is told when the framework looks at it. */
function manifestIn(packages: PackageReader, folder: string): Manifest | null {
  const written = packages.read(folder);
  return written && isData(written.manifest) ? (written.manifest as unknown as Manifest) : null;
}
