/** What the command line and the config files say, after every option has landed; turned into the typed options of the library. */
import type { PluginRequest } from './plugin-request.js';
import type { PluginSwitches } from './plugin-settings.js';
import type { CheckOptions, CommonOptions, DumpOptions, RestoreOptions } from '../options.js';
import { CrError } from '../errors.js';

/** Commands in the order of the help text. */
export const COMMANDS = {
  dump: { built: true, help: 'checkpoint a process tree' },
  restore: { built: true, help: 'bring a tree back from images' },
  check: { built: true, help: 'tell what this kernel and user can do' },
  show: { built: true, help: 'print an image or a folder of images' },
  encode: { built: true, help: 'turn what show --format json printed into an image' },
  stages: { built: true, help: 'print the stages of dump and restore' },
  plugin: { built: true, help: 'list [--stages], check DIR, doctor [NAME], hooks, new NAME [FOLDER] [--native]' },
  'pre-dump': { built: false, help: 'copy memory of a running tree' },
  'page-server': { built: false, help: 'receive pages over the network' },
  'lazy-pages': { built: false, help: 'serve pages on demand' },
  service: { built: false, help: 'RPC server' },
  swrk: { built: false, help: 'RPC on an inherited socket' },
  dedup: { built: false, help: 'remove pages that a later dump repeats' },
  cpuinfo: { built: false, help: 'dump or compare processor features' },
} as const;

export type Command = keyof typeof COMMANDS;

type Mutable<T> = { -readonly [K in keyof T]?: Exclude<T[K], undefined> };
type EngineFields = Omit<
  DumpOptions & RestoreOptions & CheckOptions,
  'log' | 'signal' | 'onProgress' | 'actionScripts' | 'exitWhenStuck' | PluginFields
>;
/** Lists that grow; `plugins` and `disabledPlugins` come from the switches. */
type PluginFields = 'plugins' | 'disabledPlugins' | 'pluginDirs' | 'pluginRanking' | 'allowMissingPlugins';

/** Fields that are handed to the library as they are. Absent means: nobody said anything. */
export interface EngineSettings extends Mutable<EngineFields> {
  actionScripts?: string[];
  pluginDirs?: string[];
  allowMissingPlugins?: string[];
}

/** Everything that options can set. */
export interface Settings {
  readonly engine: EngineSettings;
  readonly plugins: PluginSwitches;
  closeFds?: number[];
  displayStats?: boolean;
  pidfile?: string;
  logPid?: boolean;
  format?: 'text' | 'json';
  pretty?: boolean;
  stages?: boolean;
  native?: boolean;
  help?: boolean;
  version?: boolean;
  config?: string;
  noDefaultConfig?: boolean;
}

/** Nobody has said anything. */
export function emptySettings(): Settings {
  return { engine: {}, plugins: { requests: [], disabled: [] } };
}

/** What the command adds to the options that were typed in. */
export type RunFields = Pick<CommonOptions, 'log' | 'signal' | 'onProgress' | 'exitWhenStuck'>;

/** What the engine is told about plugins; nothing when nobody said anything. */
function pluginOptions({ requests, disabled }: PluginSwitches): {
  plugins?: readonly PluginRequest[];
  disabledPlugins?: readonly string[];
} {
  return {
    ...(requests.length === 0 ? {} : { plugins: requests }),
    ...(disabled.length === 0 ? {} : { disabledPlugins: disabled.map(({ name }) => name) }),
  };
}

/** @throws CrError CR_USAGE without --tree */
export function dumpOptions({ engine, plugins }: Settings, run: RunFields): DumpOptions {
  const { pid } = engine;
  if (pid === undefined) {
    throw new CrError('CR_USAGE', { message: 'dump needs the root of the tree', hint: 'Add --tree PID (-t PID).', target: 'not started' });
  }
  return { ...engine, ...pluginOptions(plugins), ...run, pid };
}

export function restoreOptions({ engine, plugins }: Settings, run: RunFields): RestoreOptions {
  return { ...engine, ...pluginOptions(plugins), ...run };
}

/** For `criu-ts plugin`: what finds plugins, for no operation. */
export function inspectOptions({ engine, plugins }: Settings): RestoreOptions {
  const { pluginDirs, pluginRanking, allowMissingPlugins } = engine as RestoreOptions;
  return {
    ...pluginOptions(plugins),
    ...(pluginDirs === undefined ? {} : { pluginDirs }),
    ...(pluginRanking === undefined ? {} : { pluginRanking }),
    ...(allowMissingPlugins === undefined ? {} : { allowMissingPlugins }),
  };
}

export function checkOptions({ engine }: Settings, run: Pick<RunFields, 'log'>): CheckOptions {
  return { ...engine, ...run };
}
