/** What a plugin says of itself: the manifest, which is data and can be read without running it, and the definition, which adds code. */
import type { SyscallProgram } from './contexts.js';
import type { HookFunction, HookKind, HookName, StageHookFunction, StageHookName } from './hook-table.js';

/** One option of a plugin: how its text on the command line is read, and what a configuration file may give. */
export type OptionSpec =
  | { readonly type: 'string'; readonly doc: string; readonly default?: string }
  | { readonly type: 'number'; readonly doc: string; readonly default?: number; readonly min?: number; readonly max?: number }
  | { readonly type: 'boolean'; readonly doc: string; readonly default?: boolean }
  | { readonly type: 'enum'; readonly doc: string; readonly values: readonly string[]; readonly default?: string };

export type OptionValue = string | number | boolean;
export type OptionValues = Readonly<Record<string, OptionValue | undefined>>;

/** What a plugin may claim. An object that none of these fits is never shown to it. */
export interface ClaimFilter {
  /** Major numbers of character devices. */
  readonly charMajors?: readonly number[];
  readonly blockMajors?: readonly number[];
  /** Globs of paths (`*` within a name, `**` across folders): for devices whose number is given at boot. */
  readonly paths?: readonly string[];
  /** Names of anonymous inodes, without `anon_inode:` and brackets: `io_uring`. */
  readonly anonInodes?: readonly string[];
  /** `unix`, `inet`, ...: by AF_* name in lower case. */
  readonly sockets?: readonly string[];
}

/** Paths of the host of which at least one must exist: without them the plugin is not even started. */
export interface HostNeeds {
  readonly anyOf?: readonly string[];
}

/** What makes a plugin necessary in a dump besides objects that it claims. */
export interface TreeNeeds {
  /** Globs of paths of mapped files. */
  readonly mapped?: readonly string[];
}

export interface NativePart {
  /** CMake project or prebuilt folder, relative to the package. */
  readonly path: string;
  /** PLUGIN_NATIVE_ABI that it was built for. */
  readonly abi: number;
}

export interface Manifest {
  /** Written into the inventory: what a restore asks for. */
  readonly name: string;
  /** Semver. */
  readonly version: string;
  /** Range of plugin API versions. */
  readonly api: string;
  /** Plugin API of the SDK that it was made with; definePlugin() fills it in. */
  readonly sdk?: string;
  /** Version of the data that it writes, and the range that it reads. */
  readonly image: { readonly writes: string; readonly reads: string };
  /** Hooks that it taps, with the kind that it expects; `stage` for points of stages. */
  readonly hooks: Readonly<Record<string, HookKind | 'stage'>>;
  readonly claims?: ClaimFilter;
  /** CAP_* that it needs: where the command lacks one, the plugin is not started. */
  readonly capabilities?: readonly string[];
  /** Names of plugins that run after, or before, this one, where they are there. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
  /** Names of plugins that it cannot work with. */
  readonly conflicts?: readonly string[];
  readonly options?: Readonly<Record<string, OptionSpec>>;
  /** Milliseconds by hook, where the usual limit does not fit. */
  readonly deadlines?: Readonly<Record<string, number>>;
  readonly host?: HostNeeds;
  /**
   * Says that the plugin has something to do only in a dump of a tree that holds an object that it claims, or one of these: for other trees it is not loaded, unless
   * the user names it. Not needed when all its hooks of a dump are about claimed objects.
   */
  readonly tree?: TreeNeeds;
  readonly native?: NativePart;
  /** `optional`: when a hook of the dump fails before it took anything, the dump goes on without the plugin. Default `required`. */
  readonly failPolicy?: 'required' | 'optional';
}

/** Files of a plugin beside the images. */
export interface PluginImages {
  /** Writes a file of the set; it goes with the set, and when the dump fails. The name begins with that of the plugin. */
  write(name: string, data: Uint8Array | string): void;
  /** Bytes of such a file. @throws CrError CR_IMAGE_MISSING, CR_IMAGE_BAD */
  read(name: string): Uint8Array;
  /** Absolute path, for a native part that writes or reads itself. */
  path(name: string): string;
}

export interface PluginLog {
  error(text: string): void;
  warn(text: string): void;
  info(text: string): void;
  debug(text: string): void;
}

/** What a plugin gets from the host for one operation. */
export interface PluginHost {
  /** Version of the plugin API here. */
  readonly api: string;
  readonly operation: 'dump' | 'restore' | 'inspect';
  /** Checked, with defaults. */
  readonly options: OptionValues;
  readonly log: PluginLog;
  readonly signal: AbortSignal | undefined;
  readonly images: PluginImages;
  /** Taps a hook of the table. Only while `apply` runs, only what the manifest lists, once each. */
  on<N extends HookName>(hook: N, work: HookFunction<N>): void;
  /** Taps a point of a stage. */
  onStage(point: StageHookName, work: StageHookFunction): void;
  /** Facts about the host for the record: driver, models and number of devices. Plain data. */
  fact(key: string, value: unknown): void;
  /** Called when the operation is over, however it ended; last registered first. */
  onClose(work: () => void | Promise<void>): void;
  /** Called when the operation failed, before onClose; last registered first. */
  onFailure(work: () => void | Promise<void>): void;
  /**
   * Runs system calls in our own process, in one program: `emit` only adds them. For what Node has no function for: socket(2), connect(2), ioctl(2). What
   * `emit` returned can be read until the next call of run(). Rejects with the call, its arguments and errno.
   */
  run<T>(name: string, emit: (program: SyscallProgram) => T): Promise<T>;
  /**
   * Starts the native part in a process of its own, which ends with the operation. Rejects with CR_PLUGIN that says what was found and what is needed when
   * its file, ABI number, processor or C library does not fit.
   */
  loadNative(options?: NativeOptions): Promise<NativeProcess>;
}

export interface NativeOptions {
  /** Environment of the helper process besides PATH. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A native part that runs in a helper process: its crash is an error of a call, not of the engine. */
export interface NativeProcess {
  readonly pid: number;
  /**
   * Calls an exported function with plain data (what structuredClone() copies), one call after the other. `fds` are descriptors of ours: the function gets
   * copies of its own, as its second argument. Rejects with what the function threw (and its `errno`), or with the end of the process.
   */
  call(name: string, argument?: unknown, options?: { readonly fds?: readonly number[] }): Promise<unknown>;
  /** Takes over a descriptor of the helper process, which a function answered by its number: ours from now on, closed there. */
  takeFd(fd: number): Promise<number>;
  close(): Promise<void>;
}

export interface PluginDefinition extends Manifest {
  /** Registers hooks and nothing else: no device is touched, nothing is started. */
  apply(host: PluginHost): void;
  /** Whether this host has what the plugin is for; a reason when it does not. Called in a process of its own, before anything is frozen. */
  probe?(): Promise<string | undefined> | string | undefined;
  /** Lines about this host, for `criu-ts plugin doctor`: what was found, what is missing, and what to do. */
  doctor?(options: OptionValues): Promise<readonly string[]> | readonly string[];
}
