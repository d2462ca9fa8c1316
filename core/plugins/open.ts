/** Opens the plugins of one operation: chosen, ordered, registered. */
import { toPluginRequests } from '../config/plugin-request.js';
import { CrError } from '../errors.js';
import type { Hooks } from '../hooks.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import { LocalCalls } from '../kernel/local.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import type { Log } from '../log.js';
import type { CommonOptions, RestoreOptions } from '../options.js';
import type { Operation } from '../stages.js';
import { type Chosen, PluginChooser, type Selection } from './choose.js';
import { OwnCalls } from './own-calls.js';
import { ExternalFiles } from './external-files.js';
import { ExternalMappings } from './external-mappings.js';
import type { NativeProcess, PluginImages } from './definition.js';
import type { Watch } from './guard.js';
import { orderPlugins } from './order.js';
import { type LoadedPlugin, PluginSession } from './session.js';
import { startNative } from './native-process.js';

export interface OpenPlugins {
  readonly session: PluginSession;
  readonly files: ExternalFiles;
  readonly mappings: ExternalMappings;
  close(): Promise<void>;
}

export interface OpenRequest {
  readonly operation: Operation;
  readonly options: CommonOptions;
  readonly hooks: Hooks;
  readonly log: Log;
  readonly proc: ProcReader;
  readonly watch: Watch;
  images(plugin: LoadedPlugin): PluginImages;
}

/** The watchdog of a run's thread for calls of plugins. */
export function watchOf(thread: KernelThread, { exitWhenStuck }: CommonOptions): Watch {
  const words = (who: string) =>
    exitWhenStuck === true ? `criu-ts: ${who} blocks this process; the tree was let go, and the run ends\n` : undefined;
  return { arm: (ms, who) => thread.arm(ms, words(who)), disarm: () => void thread.disarm() };
}

/** What the options say about plugins. */
export function selectionOf(options: CommonOptions & Pick<RestoreOptions, 'allowMissingPlugins'>, caller: string): Selection {
  return {
    requests: toPluginRequests(options.plugins ?? [], caller),
    disabled: options.disabledPlugins ?? [],
    folders: options.pluginDirs ?? [],
    allowMissing: options.allowMissingPlugins ?? [],
  };
}

export function chooserOf(options: CommonOptions, operation: Operation, log: Log): PluginChooser {
  return new PluginChooser(selectionOf(options, operation === 'restore' ? 'restore' : 'dump'), operation, log);
}

/** The chosen plugins, in order, registered. @throws CrError CR_PLUGIN */
export function openChosen({ plugins }: Chosen, { operation, options, hooks, log, proc, watch, images }: OpenRequest): OpenPlugins | null {
  if (plugins.length === 0) return null;
  const ordered = inOrder(plugins);
  log.info(`Plugins: ${ordered.map(({ manifest, source }) => `${manifest.name} ${manifest.version} (${source})`).join(', ')}`);
  const helpers: NativeProcess[] = [];
  const own = new OwnCalls();
  const session = new PluginSession(operation, ordered, {
    log,
    signal: options.signal,
    images,
    loadNative: async (plugin, native) => {
      const helper = await startNative(plugin, native);
      helpers.push(helper);
      return helper;
    },
    run: (name, emit) => own.run(name, emit),
    watch,
  });
  let calls: LocalCalls | null = null;
  const ranking = options.pluginRanking ?? [];
  const files = new ExternalFiles(session, hooks, { ranking, calls: () => (calls ??= new LocalCalls()), proc });
  const mappings = new ExternalMappings(session, hooks, { ranking, proc });
  session.attach(hooks);
  files.attach();
  mappings.attach();
  const close = async (): Promise<void> => {
    await session.close();
    await Promise.all(helpers.map((helper) => helper.close()));
    own.close();
    files.closeSockets();
    calls?.close();
  };
  return { session, files, mappings, close };
}

function inOrder(plugins: readonly LoadedPlugin[]): LoadedPlugin[] {
  try {
    return orderPlugins(plugins.map((plugin) => ({ ...relations(plugin), plugin }))).map(({ plugin }) => plugin);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CrError('CR_PLUGIN', {
      message: error.message,
      hint: 'Their manifests contradict each other: leave one out with --disable-plugin.',
      target: 'not started',
    });
  }
}

function relations({ manifest: { name, before = [], after = [] } }: LoadedPlugin) {
  return { name, before, after };
}
