/** The CUDA plugin: processes that use NVIDIA GPUs, by the checkpoint API of the driver. */
import { type Claim, configurable, definePlugin, type PluginHost } from '@criu-ts/plugin-sdk';
import { examine } from './doctor.js';
import { DumpRun } from './dump-run.js';
import { isNvidiaDevice, likelyCause } from './leftovers.js';
import { readManifest } from './manifest.js';
import { readCudaOptions } from './options.js';
import { findingText } from './preflight.js';
import { RestoreRun } from './restore-run.js';

/** The driver drops every device of a process when it moves its state out; what is left then could not be restored. */
function claim({ pid, link }: { readonly pid: number; readonly link: string }): Claim | undefined {
  return isNvidiaDevice(link) ? { what: link, goneOr: likelyCause(pid, link) } : undefined;
}

function attachDump(host: PluginHost): void {
  const run = new DumpRun(host, readCudaOptions(host.options));
  let failed = false;
  host.on('dump.claimFile', claim);
  host.on('dump.claimMapping', claim);
  host.on('dump.pauseDevices', (tree) => run.pause(tree));
  host.on('dump.checkpointDevices', (tree) => run.checkpoint(tree));
  host.on('dump.resumeDevices', (tree) => run.resume(tree));
  host.onFailure(() => void (failed = true));
  host.onClose(() => run.close(!failed));
}

function attachRestore(host: PluginHost): void {
  const run = new RestoreRun(host, readCudaOptions(host.options));
  host.on('restore.check', (plan) => run.check(plan));
  host.on('restore.resumeDevices', (tree) => run.resume(tree));
  host.onClose(() => run.close());
}

const plugin = definePlugin({
  ...readManifest(),
  apply(host) {
    if (host.operation === 'restore') attachRestore(host);
    else attachDump(host);
  },
  async doctor(options) {
    return (await examine(readCudaOptions(options))).map(findingText);
  },
});

export default plugin;

/** For configurations and the library: `plugins: [cuda({ deviceMap: 'ordinal' })]`. */
export const cuda = configurable(plugin);
