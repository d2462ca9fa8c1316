/** What a manifest says about a host, point by point: for `criu-ts plugin doctor`. No code of the plugin is run. */
import { existsSync } from 'node:fs';
import semver from 'semver';
import { PLUGIN_API, PLUGIN_NATIVE_ABI } from './api-version.js';
import { capabilityProblem } from './capabilities.js';
import type { Manifest } from './definition.js';
import { addonProblem, findNativeFile, ownLibrary } from './native-file.js';
import { hostProblem } from './packages.js';
import { uncalled } from './session.js';

export interface Point {
  readonly topic: 'plugin API' | 'native part' | 'device' | 'capabilities' | 'hooks';
  readonly ok: boolean;
  readonly text: string;
}

/** @param folder of the package */
export function diagnose(manifest: Manifest, folder: string): Point[] {
  const points = [apiPoint(manifest), nativePoint(manifest, folder), devicePoint(manifest), capabilityPoint(manifest)];
  const never = uncalled(manifest).map(({ hook, reason }) => `${hook} is never called here: ${reason}`);
  return never.length === 0 ? points : [...points, { topic: 'hooks', ok: false, text: never.join('; ') }];
}

function apiPoint({ api }: Manifest): Point {
  return { topic: 'plugin API', ok: semver.satisfies(PLUGIN_API, api), text: `works with ${api}; this criu-ts has ${PLUGIN_API}` };
}

function nativePoint({ native }: Manifest, folder: string): Point {
  const topic = 'native part';
  if (!native) return { topic, ok: true, text: 'it has none' };
  const abi = `built for ABI ${native.abi}; this criu-ts has ${PLUGIN_NATIVE_ABI}`;
  if (native.abi !== PLUGIN_NATIVE_ABI) return { topic, ok: false, text: abi };
  try {
    const file = findNativeFile(folder, native.path, ownLibrary().name);
    const problem = addonProblem(file);
    return { topic, ok: problem === null, text: `${abi}; ${problem ?? file}` };
  } catch (error) {
    return { topic, ok: false, text: `${abi}; ${error instanceof Error ? error.message : String(error)}` };
  }
}

function devicePoint({ host }: Manifest): Point {
  const topic = 'device';
  const paths = host?.anyOf ?? [];
  if (paths.length === 0) return { topic, ok: true, text: 'its manifest asks for none; its probe may' };
  const problem = hostProblem(host);
  return { topic, ok: problem === null, text: problem ?? `${paths.filter((path) => existsSync(path)).join(', ')} is here` };
}

function capabilityPoint({ capabilities = [] }: Manifest): Point {
  const topic = 'capabilities';
  if (capabilities.length === 0) return { topic, ok: true, text: 'it asks for none' };
  const problem = capabilityProblem(capabilities);
  return { topic, ok: problem === null, text: problem ?? capabilities.join(', ') };
}
