// What the launcher gives to Node beside the command. Measured (core/docs/performance.md). V8 drops flags and gets new ones with every version of Node, and Node
// ends with "bad option" for one that it does not know: set-up asks the Node that it runs with.
import { spawnSync } from 'node:child_process';

export const FLAGS = [
  // No garbage is collected in a small dump.
  '--min-semi-space-size=8',
  // The old generation may grow before it is looked through: V8 sets itself a limit of a few MiB otherwise, and marks while a tree is frozen.
  '--initial-old-space-size=256',
  // Code is optimised only where it runs long, because compiling it takes the processor from the rest.
  '--interrupt-budget=1000000',
  // One helping thread is enough.
  '--v8-pool-size=1',
  // The hash seed of Node's own snapshot will do.
  '--no-rehash-snapshot',
];

/** The flags of a list that this Node takes. */
export function acceptedFlags(node, flags = FLAGS) {
  return flags.filter((flag) => spawnSync(node, [flag, '-e', '0'], { stdio: 'ignore', timeout: 60_000 }).status === 0);
}
