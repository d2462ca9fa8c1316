/** What the commands of a test need to meet the fake GPUs: words for ours, and the surroundings for both tools. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { PluginDefinition } from '../../../core/plugins/definition.js';
import { manifestOf } from '../../../core/plugins/validate.js';
import { buildMock, type DriverVersion } from '../../../plugins/cuda/test/mock/build.js';
import { Caller, STATE } from '../../../plugins/cuda/test/mock/caller.js';
import type { FakeGpus } from '../../../plugins/cuda/test/mock/gpus.js';
import type { CudaTarget } from '../../../plugins/cuda/test/mock/target.js';
import { repository } from '../../helpers/run-command.js';
import mockDevices from './mock-devices.js';

/** A package folder for a plugin of these tests: what a file alone cannot be asked for. */
export function packageOf(definition: PluginDefinition, file: string, target: CudaTarget): string {
  const folder = join(target.subject.folder, definition.name);
  packageIn(folder, definition, file);
  return folder;
}

export function packageIn(folder: string, definition: PluginDefinition, file: string): void {
  const entry = join(repository, 'dist/test/plugins/cuda', file);
  mkdirSync(folder);
  const data = {
    name: definition.name.replaceAll('_', '-'),
    version: definition.version,
    type: 'module',
    exports: relative(folder, entry),
    'criu-ts': manifestOf(definition),
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(data));
}

/** The driver library of the mock. */
export async function mockLibrary(version: DriverVersion = 13_000): Promise<string> {
  return join((await buildMock()).library(version), 'libcuda.so.1');
}

/** Words that give our command the plugin with the fake driver. Once per target: a folder is made in that of the target. */
export async function mockWords(target: CudaTarget, gpus: FakeGpus, options: readonly string[] = []): Promise<string[]> {
  // The command's helper finds the fake GPUs by them.
  Object.assign(target.subject.env, await gpus.environment());
  return [
    '--enable-plugin',
    ['cuda_plugin:libcuda=' + (await mockLibrary()), ...options].join(','),
    '--enable-plugin',
    packageOf(mockDevices, 'mock-devices.js', target),
  ];
}

/** The CUDA state of a process, asked by a caller of its own. */
export async function stateOf(gpus: FakeGpus, pid: number): Promise<keyof typeof STATE | number> {
  const caller = await Caller.start(gpus);
  try {
    const state = await caller.state(pid);
    const [name] = Object.entries(STATE).find(([, value]) => value === state) ?? [state];
    return name as keyof typeof STATE;
  } finally {
    await caller.close();
  }
}
