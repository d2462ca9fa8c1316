/**
 * A host for one plugin, without an engine: hooks are called as the engine calls them (the same session, guard, deadlines and notes), and everything that
 * the plugin did is recorded.
 */
import { Hooks } from '../../../core/hooks.js';
import type { PluginRecord, SyscallProgram } from '../../../core/plugins/contexts.js';
import type { NativeProcess, OptionValue, PluginDefinition } from '../../../core/plugins/definition.js';
import { NO_WATCH } from '../../../core/plugins/guard.js';
import { type HookName, type HookTypes, PLUGIN_HOOKS } from '../../../core/plugins/hook-table.js';
import { readOptions } from '../../../core/plugins/option-values.js';
import { PluginSession } from '../../../core/plugins/session.js';
import { manifestOf } from '../../../core/plugins/validate.js';

/** One call of a hook. */
export interface TraceEntry {
  readonly hook: string;
  readonly context: unknown;
  /** Undefined when the plugin answered nothing, or failed. */
  readonly answer?: unknown;
  readonly error?: Error;
}

export interface HostDoubleOptions {
  /** What the user set. */
  readonly options?: Readonly<Record<string, OptionValue>>;
  /** Files of the plugin in the image folder; what a dump wrote is there for a restore. */
  readonly images?: Map<string, Uint8Array>;
  readonly signal?: AbortSignal;
  /** Stands for the native part. Without it, host.loadNative() rejects. */
  readonly native?: NativeProcess;
  /** Stands for host.run(). Without it, that rejects. */
  run?<T>(name: string, emit: (program: SyscallProgram) => T): Promise<T>;
}

export class HostDouble {
  /** Calls in order. */
  readonly trace: TraceEntry[] = [];
  /** `level text`, one line each. */
  readonly log: string[] = [];
  readonly images: Map<string, Uint8Array>;
  private readonly hooks = new Hooks();
  private readonly session: PluginSession;

  /** @throws CrError CR_PLUGIN when apply() taps what it may not. @throws RangeError for options that the manifest does not have */
  constructor(
    readonly plugin: PluginDefinition,
    readonly operation: 'dump' | 'restore',
    options: HostDoubleOptions = {},
  ) {
    this.images = options.images ?? new Map<string, Uint8Array>();
    const say = (level: string) => (text: string) => void this.log.push(`${level} ${text}`);
    const manifest = manifestOf(plugin);
    const loaded = {
      manifest,
      definition: plugin,
      options: readOptions(manifest.options ?? {}, options.options ?? {}),
      source: 'the test',
      folder: process.cwd(),
    };
    this.session = new PluginSession(operation, [loaded], {
      log: { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug') } as never,
      signal: options.signal,
      images: () => this.imageFiles(),
      loadNative: () => (options.native ? Promise.resolve(options.native) : Promise.reject(new Error('the test gives no native part'))),
      run: options.run ?? (() => Promise.reject(new Error('the test gives no run()'))),
      watch: NO_WATCH,
    });
    this.session.attach(this.hooks);
  }

  private imageFiles() {
    return {
      write: (name: string, data: Uint8Array | string) => void this.images.set(name, Buffer.from(data)),
      read: (name: string): Uint8Array => {
        const data = this.images.get(name);
        if (!data) throw new Error(`${name} is not there; there are ${[...this.images.keys()].join(', ') || 'none'}`);
        return data;
      },
      path: (name: string) => name,
    };
  }

  /** Calls a hook. @returns what the plugin answered. @throws CrError CR_PLUGIN, as the engine would get it */
  async call<N extends HookName>(hook: N, context: HookTypes[N]['context']): Promise<HookTypes[N]['answer'] | undefined> {
    try {
      const answers = PLUGIN_HOOKS[hook].sync === true ? this.hooks.askNow(hook, context, () => true) : await this.hooks.ask(hook, context);
      const answer = answers[0]?.answer;
      this.trace.push({ hook, context, ...(answer === undefined ? {} : { answer }) });
      return answer;
    } catch (error) {
      this.trace.push({ hook, context, error: error as Error });
      throw error;
    }
  }

  /** Hooks that the plugin tapped, of those of this operation. */
  get tapped(): HookName[] {
    return (Object.keys(PLUGIN_HOOKS) as HookName[]).filter((hook) => this.hooks.tappedBy(hook).length > 0);
  }

  /** What plugins.json would say; null while the plugin took nothing and the checkpoint does not need it. */
  record(): PluginRecord | null {
    return this.session.records()[0] ?? null;
  }

  /** The operation failed: runs what host.onFailure() registered. */
  fail(): Promise<void> {
    return this.session.failed();
  }

  /** The operation is over: runs what host.onClose() registered. */
  close(): Promise<void> {
    return this.session.close();
  }
}
