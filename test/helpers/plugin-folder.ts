/** A plugin as a package on disk: what a user installs, made by a test. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../core/plugins/definition.js';
import { repository } from './run-command.js';

/** A manifest with what every plugin needs. */
export function manifest(name: string, more: Partial<Manifest> = {}): Manifest {
  return { name, version: '1.0.0', api: '^1.0.0', image: { writes: '1.0.0', reads: '^1.0.0' }, hooks: {}, ...more };
}

export interface PackageParts {
  readonly packageName?: string;
  /** The manifest in package.json, when it is not that of the definition. */
  readonly written?: object;
  /** Body of apply(host). */
  readonly apply?: string;
  /** Other members of the definition, as source: `probe: () => 'no'`. */
  readonly members?: string;
  /** The whole module instead. */
  readonly source?: string;
}

/** Writes the package into `folder`/`name` and returns that folder. */
export function writePlugin(folder: string, data: Manifest, parts: PackageParts = {}): string {
  const dir = join(folder, data.name);
  mkdirSync(dir, { recursive: true });
  const { packageName = data.name, written = data, apply = '', members = '', source } = parts;
  writeFileSync(
    join(dir, 'package.json'),
    JSON.stringify({ name: packageName, version: data.version, type: 'module', main: 'index.js', 'criu-ts': written }),
  );
  const sdk = JSON.stringify(join(repository, 'dist/plugins/sdk/index.js'));
  const module = `import { definePlugin } from ${sdk};\nimport { openSync } from 'node:fs';\nvoid openSync;\nexport default definePlugin({ ...${JSON.stringify(data)}, ${members === '' ? '' : `${members},`} apply(host) { ${apply} } });\n`;
  writeFileSync(join(dir, 'index.js'), source ?? module);
  return dir;
}
