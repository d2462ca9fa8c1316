/** What a dump's plugins are opened with and told about its processes. The framework itself is loaded only when there can be a plugin. */
import { nowMs } from '../clock.js';
import { mayHavePlugins } from '../plugins/candidates.js';
import type { DumpPlugins, DumpPluginsRequest } from '../plugins/dump-plugins.js';
import { TreeObjects } from '../plugins/needs.js';
import { homeFolder } from '../plugins/places.js';
import type { TaskNumbers } from '../plugins/stopped-tree.js';
import { isZombie } from '../kernel/procfs/stat.js';
import type { DumpTask } from './model.js';
import { type TreeNode, walkTree } from './tree.js';

/** Null when there are none. @throws CrError CR_PLUGIN, CR_PLUGIN_MISSING */
export async function openPlugins(request: Omit<DumpPluginsRequest, 'objects'>): Promise<DumpPlugins | null> {
  const { plugins = [], pluginDirs = [], pid } = request.options;
  const { proc } = request.thread;
  const begin = nowMs();
  const objects = new TreeObjects(proc, () => walkTree(proc, pid).map((node) => node.pid));
  if (!mayHavePlugins(plugins.length, pluginDirs, homeFolder(), objects)) {
    // `npm run bench` reads it: what every dump pays for plugins that it does not have.
    request.log.debug(`No plugin has anything to do here: known after ${(nowMs() - begin).toFixed(3)} ms`);
    return null;
  }
  return (await import('../plugins/dump-plugins.js')).DumpPlugins.start({ ...request, objects });
}

/** Processes of the frozen tree. */
export function taskNumbers(tasks: readonly DumpTask[]): TaskNumbers[] {
  const live = tasks.filter((task) => !isZombie(task));
  return live.map(({ pid, parent, threads }) => ({ pid, parent: parent?.pid ?? 0, threads: threads.map(({ tid }) => tid) }));
}

/** Processes as the pre-flight saw them: for what happens while they run. */
export function nodeNumbers(nodes: readonly TreeNode[]): TaskNumbers[] {
  return nodes.filter((node) => !isZombie(node)).map(({ pid, parent }) => ({ pid, parent: parent?.pid ?? 0, threads: [] }));
}
