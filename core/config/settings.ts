/** What the command line and the config files say, after every option has landed; turned into the typed options of the library. */
import type { PluginRequest } from './plugin-request.js';
import type { PluginSwitches } from './plugin-settings.js';
import type { CheckOptions, CommonOptions, DumpOptions, RestoreOptions } from '../options.js';
import { CrError } from '../errors.js';

/** Commands in the order of the help text. */
export const COMMANDS = {
  dump: { built: true, help: 'checkpoint a process tree', configured: true },
  restore: { built: true, help: 'bring a tree back from images', configured: true },
  check: { built: true, help: 'tell what this kernel and user can do', configured: true },
  show: { built: true, help: 'print an image or a folder of images' },
  encode: { built: true, help: 'turn what show --format json printed into an image' },
  stages: { built: true, help: 'print the stages of dump and restore' },
  plugin: { built: true, help: 'list [--stages], check DIR, doctor [NAME], hooks, new NAME [FOLDER] [--native]', configured: true },
  config: { built: true, help: 'print the configuration that counts, and its sources', configured: true },
  'pre-dump': { built: false, help: 'copy memory of a running tree' },
  'page-server': { built: false, help: 'receive pages over the network' },
  'lazy-pages': { built: false, help: 'serve pages on demand' },
  service: { built: false, help: 'RPC server' },
  swrk: { built: false, help: 'RPC on an inherited socket' },
  dedup: { built: false, help: 'remove pages that a later dump repeats' },
  cpuinfo: { built: false, help: 'dump or compare processor features' },
} as const;

export type Command = keyof typeof COMMANDS;

/** Commands that read `criu.config.*`; the others do not pay for looking. */
export function configuredCommands(): Command[] {
  return (Object.keys(COMMANDS) as Command[]).filter((command) => 'configured' in COMMANDS[command]);
}

type Mutable<T> = { -readonly [K in keyof T]?: Exclude<T[K], undefined> };
type EngineFields = Omit<
  DumpOptions & RestoreOptions & CheckOptions,
  'log' | 'signal' | 'onProgress' | 'actionScripts' | 'exitWhenStuck' | 'startAnew' | PluginFields
>;
/** Lists that grow; all but `allowMissingPlugins` come from the switches. */
type PluginFields = 'plugins' | 'disabledPlugins' | 'pluginDirs' | 'pluginRanking' | 'allowMissingPlugins';

/** Fields that are handed to the library as they are. Absent means: nobody said anything. */
export interface EngineSettings extends Mutable<EngineFields> {
  actionScripts?: string[];
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
  profile?: string;
  noDefaultConfig?: boolean;
}

/** Nobody has said anything. */
export function emptySettings(): Settings {
  return { engine: {}, plugins: { requests: [], disabled: [], folders: [], ranking: undefined } };
}

/** What the command adds to the options that were typed in. */
export type RunFields = Pick<CommonOptions, 'log' | 'signal' | 'onProgress' | 'exitWhenStuck'>;

type PluginOptions = { readonly plugins?: readonly PluginRequest[] } & Pick<
  CommonOptions,
  'disabledPlugins' | 'pluginDirs' | 'pluginRanking'
>;

/** What the engine is told about plugins; nothing when nobody said anything. */
function pluginOptions({ requests, disabled, folders, ranking }: PluginSwitches): PluginOptions {
  return {
    ...(requests.length === 0 ? {} : { plugins: requests }),
    ...(disabled.length === 0 ? {} : { disabledPlugins: disabled.map(({ name }) => name) }),
    ...(folders.length === 0 ? {} : { pluginDirs: folders.map(({ path }) => path) }),
    ...(ranking === undefined ? {} : { pluginRanking: ranking.names }),
  };
}

/** The options of the library. */
export function libraryOptions({ engine, plugins }: Settings): EngineSettings & PluginOptions {
  return { ...engine, ...pluginOptions(plugins) };
}

/** @throws CrError CR_USAGE without --tree */
export function dumpOptions(settings: Settings, run: RunFields): DumpOptions {
  const { pid } = settings.engine;
  if (pid === undefined) {
    throw new CrError('CR_USAGE', { message: 'dump needs the root of the tree', hint: 'Add --tree PID (-t PID).', target: 'not started' });
  }
  return { ...libraryOptions(settings), ...run, pid };
}

export function restoreOptions(settings: Settings, run: RunFields & Pick<RestoreOptions, 'startAnew'>): RestoreOptions {
  return { ...libraryOptions(settings), ...run };
}

/** For `criu-ts plugin`: what finds plugins, for no operation. */
export function inspectOptions({ engine: { allowMissingPlugins }, plugins }: Settings): RestoreOptions {
  return { ...pluginOptions(plugins), ...(allowMissingPlugins === undefined ? {} : { allowMissingPlugins }) };
}

export function checkOptions({ engine }: Settings, run: Pick<RunFields, 'log'>): CheckOptions {
  return { ...engine, ...run };
}
