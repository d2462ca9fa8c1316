/** What a dump's plugins are opened with and told about its processes. The framework itself is loaded only when there can be a plugin. */
import { mayHavePlugins } from '../plugins/candidates.js';
import type { DumpPlugins, DumpPluginsRequest } from '../plugins/dump-plugins.js';
import { homeFolder } from '../plugins/places.js';
import type { TaskNumbers } from '../plugins/stopped-tree.js';
import { isZombie } from '../kernel/procfs/stat.js';
import type { DumpTask } from './model.js';
import type { TreeNode } from './tree.js';

/** Null when there are none. @throws CrError CR_PLUGIN, CR_PLUGIN_MISSING */
export async function openPlugins(request: DumpPluginsRequest): Promise<DumpPlugins | null> {
  const { plugins = [], pluginDirs = [] } = request.options;
  if (!mayHavePlugins(plugins.length, pluginDirs, homeFolder())) return null;
  return (await import('../plugins/dump-plugins.js')).DumpPlugins.start(request);
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
