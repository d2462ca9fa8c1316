/**
 * The manifests of bundled plugins. Every dump asks, so that in the command the answer is a constant that set-up makes
 * (config/bundle.mjs): to read two files would take longer than everything else that a run without plugins pays for them.
 */
import type { Manifest } from './definition.js';
import { isData, PackageReader } from './packages.js';
import { BUNDLED } from './places.js';

export interface BundledPlugin {
  /** Folder in plugins/ of criu-ts. */
  readonly name: string;
  readonly manifest: WaitingManifest;
}

/** What is asked before a plugin is opened. */
export type WaitingManifest = Pick<Manifest, 'name' | 'hooks' | 'claims' | 'host' | 'tree'>;

/** One for each that has a manifest. @param home of criu-ts */
export function bundledPlugins(home: string): readonly BundledPlugin[] {
  const packages = new PackageReader();
  return BUNDLED.flatMap((name) => {
    const manifest = manifestOf(packages, `${home}/plugins/${name}`);
    return isData(manifest) ? [{ name, manifest: askedOf(manifest as unknown as Manifest) }] : [];
  });
}

/** A damaged one is told to who names it. */
function manifestOf(packages: PackageReader, folder: string): unknown {
  try {
    return packages.read(folder)?.manifest;
  } catch {
    return null;
  }
}

/** Without what only the framework reads: it is in the command, which every run loads. */
function askedOf({ name, hooks, claims, host, tree }: Manifest): WaitingManifest {
  return { name, hooks, ...(claims && { claims }), ...(host && { host }), ...(tree && { tree }) };
}
