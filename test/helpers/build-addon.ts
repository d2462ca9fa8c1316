/** Builds a native part for a test, in the project's own folder, once per content. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repository } from './run-command.js';

/** cmake-js in `folder`. @throws Error with what it said */
export function buildAddon(folder: string): void {
  const done = spawnSync(process.execPath, [join(repository, 'node_modules/cmake-js/bin/cmake-js'), 'build', '-d', folder], {
    cwd: repository,
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (done.status !== 0) throw new Error(`${folder} could not be built:\n${done.stdout}${done.stderr}`);
}
