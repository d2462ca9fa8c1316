/** What a dump's plugins are opened with and told about its processes. The framework itself is loaded only when there can be a plugin. */
import { nowMs } from '../clock.js';
import { findCandidates } from '../plugins/candidates.js';
import type { DumpPlugins, DumpPluginsRequest } from '../plugins/dump-plugins.js';
import { homeFolder } from '../plugins/places.js';
import type { TaskNumbers } from '../plugins/stopped-tree.js';
import { type WaitingPlugin, WaitingPlugins } from '../plugins/waiting.js';
import { isZombie } from '../kernel/procfs/stat.js';
import type { DumpTask } from './model.js';
import { type TreeNode, walkTree } from './tree.js';

/** When the plugins of a dump are opened: at its start if somebody asked for some or one may do more than take objects, or else when the pre-flight meets its object. */
export class PluginOpening {
  /** Null when there are none, or none yet. */
  plugins: DumpPlugins | null = null;
  private waiting: WaitingPlugins | null = null;
  private opened = false;

  constructor(private readonly request: Omit<DumpPluginsRequest, 'pids'>) {}

  /** Before anything else is done. @throws CrError CR_PLUGIN, CR_PLUGIN_MISSING */
  async start(): Promise<void> {
    const { options, log } = this.request;
    const { plugins = [], pluginDirs = [] } = options;
    const begin = nowMs();
    const { now, waiting } = findCandidates(plugins.length, pluginDirs, homeFolder());
    if (now) return this.open();
    this.wait(waiting);
    // `npm run bench` reads it: what every dump pays for plugins that it does not have.
    log.debug(`No plugin has anything to do here so far: known after ${(nowMs() - begin).toFixed(3)} ms`);
  }

  /** Does the pre-flight, from its beginning again when it met something that only a plugin which was not open may dump. @throws CrError also of `look` */
  async preflight<T>(look: () => T): Promise<T> {
    try {
      const seen = look();
      if (!this.isWanted) return seen;
    } catch (error) {
      if (!this.isWanted) throw error;
    } finally {
      this.waiting?.late();
    }
    await this.open();
    const seen = look();
    this.waiting?.late();
    return seen;
  }

  private get isWanted(): boolean {
    return !this.opened && this.waiting?.wanted === true;
  }

  private async open(): Promise<void> {
    const { request } = this;
    this.opened = true;
    this.waiting?.close();
    const pids = () => walkTree(request.thread.proc, request.options.pid).map((node) => node.pid);
    const { DumpPlugins } = await import('../plugins/dump-plugins.js');
    const { plugins, idle } = await DumpPlugins.start({ ...request, pids });
    this.plugins = plugins;
    this.wait(idle);
  }

  private wait(plugins: readonly WaitingPlugin[]): void {
    this.waiting = plugins.length === 0 ? null : new WaitingPlugins(plugins, this.request.thread.proc);
    this.waiting?.attach(this.request.hooks);
  }
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
