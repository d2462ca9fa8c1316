/** The manifest is in package.json, where it can be read without running anything; the definition takes it from there. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest } from '@criu-ts/plugin-sdk';

const NAME = '@criu-ts/plugin-cuda';

interface Package {
  readonly name: string;
  readonly version: string;
  readonly 'criu-ts': Omit<Manifest, 'version'>;
}

/** @throws Error when the package is not complete */
export function readManifest(): Manifest {
  const start = dirname(fileURLToPath(import.meta.url));
  // From dist/plugins/cuda/src (this repository) or from a package of its own.
  for (let dir = start, i = 0; i < 6; dir = dirname(dir), i++) {
    for (const path of [join(dir, 'package.json'), join(dir, 'plugins/cuda/package.json')]) {
      if (!existsSync(path)) continue;
      const data = JSON.parse(readFileSync(path, 'utf8')) as Package;
      if (data.name === NAME) return { version: data.version, ...data['criu-ts'] };
    }
  }
  throw new Error(`there is no package.json of ${NAME} in any folder above ${start}`);
}
