/**
 * The CUDA plugin: processes that use NVIDIA GPUs, by the checkpoint API of the driver. What only a tree with CUDA needs is loaded when there is one: on a host with
 * GPUs every dump loads this file.
 */
import { type Claim, configurable, definePlugin, type PluginHost } from '@criu-ts/plugin-sdk';
import { candidates, newcomers } from './discover.js';
import type { DumpRun } from './dump-run.js';
import { isNvidiaDevice, likelyCause } from './leftovers.js';
import { readManifest } from './manifest.js';
import { readCudaOptions } from './options.js';
import type { RestoreRun } from './restore-run.js';

/** The driver drops every device of a process when it moves its state out; what is left then could not be restored. */
function claim({ pid, link }: { readonly pid: number; readonly link: string }): Claim | undefined {
  return isNvidiaDevice(link) ? { what: link, goneOr: likelyCause(pid, link) } : undefined;
}

function attachDump(host: PluginHost): void {
  const options = readCudaOptions(host.options);
  let opened: Promise<DumpRun> | undefined;
  const open = () => (opened ??= import('./dump-run.js').then(({ DumpRun }) => new DumpRun(host, options)));
  let failed = false;
  host.on('dump.claimFile', claim);
  host.on('dump.claimMapping', claim);
  host.on('dump.pauseDevices', async (tree) => {
    if (opened !== undefined || candidates(tree, options).length > 0) await (await open()).pause(tree);
  });
  host.on('dump.checkpointDevices', async (tree) => (opened === undefined ? newcomers(tree, options) : (await opened).checkpoint(tree)));
  host.on('dump.resumeDevices', async (tree) => (await opened)?.resume(tree));
  host.onFailure(() => void (failed = true));
  host.onClose(async () => (await opened)?.close(!failed));
}

function attachRestore(host: PluginHost): void {
  const options = readCudaOptions(host.options);
  let opened: Promise<RestoreRun> | undefined;
  host.on('restore.check', async (plan) => {
    opened ??= import('./restore-run.js').then(({ RestoreRun }) => new RestoreRun(host, options));
    return (await opened).check(plan);
  });
  host.on('restore.resumeDevices', async (tree) => (await opened)?.resume(tree));
  host.onClose(async () => (await opened)?.close());
}

const plugin = definePlugin({
  ...readManifest(),
  apply(host) {
    if (host.operation === 'restore') attachRestore(host);
    else attachDump(host);
  },
  async doctor(options) {
    const [{ examine }, { findingText }] = await Promise.all([import('./doctor.js'), import('./finding.js')]);
    return (await examine(readCudaOptions(options))).map(findingText);
  },
});

export default plugin;

/** For configurations and the library: `plugins: [cuda({ deviceMap: 'ordinal' })]`. */
export const cuda = configurable(plugin);
