/**
 * What bundled plugins need of a host, as their manifests say it. Every dump asks, so that in the command the answer is a constant that set-up makes
 * (config/bundle.mjs): to read two files would take longer than everything else that a run without plugins pays for them.
 */
import { isData, PackageReader } from './packages.js';
import { BUNDLED } from './places.js';

export interface BundledNeeds {
  /** Folder in plugins/ of criu-ts. */
  readonly name: string;
  readonly host: { readonly anyOf?: readonly string[] } | undefined;
}

/** One for each that has a manifest. @param home of criu-ts */
export function bundledNeeds(home: string): readonly BundledNeeds[] {
  const packages = new PackageReader();
  return BUNDLED.flatMap((name) => {
    const manifest = manifestOf(packages, `${home}/plugins/${name}`);
    return isData(manifest) ? [{ name, host: manifest['host'] as BundledNeeds['host'] }] : [];
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
