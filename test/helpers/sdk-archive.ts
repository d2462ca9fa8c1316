/** The SDK as a third party has it: made by `npm pack`, unpacked where its package belongs. No network. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './run-command.js';

/** Packs a package into `folder`. @returns the archive */
export function packPackage(source: string, folder: string): string {
  const output = execFileSync('npm', ['pack', '--silent', '--offline', source], { cwd: folder, encoding: 'utf8' });
  return join(folder, output.trim().split('\n').at(-1)!);
}

/** Unpacks an archive as the installed package `name` of `project`. */
export function installArchive(archive: string, project: string, name: string): void {
  const to = join(project, 'node_modules', name);
  const parts = join(project, 'node_modules', '.unpacked');
  mkdirSync(join(to, '..'), { recursive: true });
  mkdirSync(parts, { recursive: true });
  execFileSync('tar', ['xzf', archive, '-C', parts]);
  renameSync(join(parts, 'package'), to);
}

/** Packages of this repository's node_modules, or criu-ts itself, as if they were installed in `project`. */
export function linkPackages(project: string, names: readonly string[]): void {
  for (const name of names) {
    const to = join(project, 'node_modules', name);
    mkdirSync(join(to, '..'), { recursive: true });
    symlinkSync(name === 'criu-ts' ? repository : join(repository, 'node_modules', name), to);
  }
}

/** Packs the SDK and installs it in `project`. @returns the archive */
export function installSdk(project: string): string {
  const archive = packPackage(join(repository, 'plugins/sdk'), project);
  installArchive(archive, project, '@criu-ts/plugin-sdk');
  return archive;
}
