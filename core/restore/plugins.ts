/** What a restore's plugins are opened with and told about its processes. The framework itself is loaded only when a plugin is needed. */
import { CrError } from '../errors.js';
import { findCandidates } from '../plugins/candidates.js';
import type { SeenTask } from '../plugins/contexts.js';
import { homeFolder } from '../plugins/places.js';
import type { RestorePlugins, RestorePluginsRequest } from '../plugins/restore-plugins.js';
import type { RestoreTask } from './model.js';
import type { Between } from './seeds.js';

/** Null when none are needed. @throws CrError CR_PLUGIN, CR_PLUGIN_MISSING */
export async function openPlugins(request: RestorePluginsRequest): Promise<RestorePlugins | null> {
  const { plugins = [], pluginDirs = [] } = request.options;
  const listed = request.inventory.plugins_entry?.plugins;
  const any = listed === undefined ? mayHavePlugins(plugins.length, pluginDirs) : listed.length > 0;
  if (!any) return null;
  return (await import('../plugins/restore-plugins.js')).RestorePlugins.start(request);
}

/** For images that do not say which they need. */
function mayHavePlugins(asked: number, folders: readonly string[]): boolean {
  const { now, waiting } = findCandidates(asked, folders, homeFolder());
  return now || waiting.length > 0;
}

/**
 * For waiting for what a plugin runs in a process: its deadline is a timer of ours, so the event loop must get its turns. When that has ended the hook, nobody
 * may go on waiting: the processes are being taken back.
 */
export function patiently(between: Between, isOver: () => boolean): Between {
  return async () => {
    await new Promise((resolve) => setImmediate(resolve));
    if (isOver()) throw new CrError('CR_ABORTED', { message: 'the hook that waited for a process is over' });
    await between();
  };
}

/** Processes that will live. */
export function seenTasks(tasks: readonly RestoreTask[]): SeenTask[] {
  const live = tasks.filter(({ kind }) => kind === 'live');
  return live.map(({ pid, parent, threads }) => ({ pid, parent: parent?.pid ?? 0, threads: threads.map(({ tid }) => tid) }));
}
