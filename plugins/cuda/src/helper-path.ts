/** Where the built helper is. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CudaError } from './errors.js';

const BUILT = 'native/build/Release/criu-ts-cuda-helper';

/** @throws CudaError when it was not built */
export function findHelper(): string {
  // From dist/plugins/cuda/src (this repository) or from a package of its own: the first parent that holds it.
  for (let dir = dirname(fileURLToPath(import.meta.url)), i = 0; i < 6; dir = dirname(dir), i++) {
    for (const place of [BUILT, join('plugins/cuda', BUILT)]) {
      const path = join(dir, place);
      if (existsSync(path)) return path;
    }
  }
  throw new CudaError(
    `the native part of the plugin is not built: no ${BUILT} in any folder above ${fileURLToPath(import.meta.url)}`,
    'Run `npm run build`.',
  );
}
