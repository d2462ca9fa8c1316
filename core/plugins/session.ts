/**
 * The plugins of one operation. `apply` of each registers its taps in order, then the registry is closed. What a plugin takes or changes is noted here, by the
 * host: that decides whether the checkpoint needs it.
 */
import { CrError } from '../errors.js';
import type { Hooks } from '../hooks.js';
import type { Log } from '../log.js';
import type { Operation } from '../stages.js';
import type { Answers } from './answers.js';
import { PLUGIN_API } from './api-version.js';
import type { PluginRecord, SyscallProgram, Touched } from './contexts.js';
import type { Manifest, NativeOptions, NativeProcess, OptionValues, PluginDefinition, PluginHost, PluginImages } from './definition.js';
import { Claims } from './filter.js';
import { frozen } from './frozen.js';
import { AT_ONCE_MS, blamed, type Blame, guarded, guardedSync, NO_WATCH, siteOf, type Watch } from './guard.js';
import {
  type HookFunction,
  type HookInfo,
  type HookName,
  isHookName,
  PLUGIN_HOOKS,
  STAGE_HOOK_DEADLINE_MS,
  stagePointOf,
  uncalledReason,
} from './hook-table.js';
import { optionDigest } from './option-values.js';

/** A plugin that was found, checked and loaded. */
export interface LoadedPlugin {
  readonly manifest: Manifest;
  readonly definition: PluginDefinition;
  /** Checked, with defaults. */
  readonly options: OptionValues;
  /** Folder or file that it came from. */
  readonly source: string;
  /** Folder of its package: what paths in its manifest are relative to. */
  readonly folder: string;
}

export interface SessionServices {
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  /** Files beside the images, for one plugin. */
  images(plugin: LoadedPlugin): PluginImages;
  loadNative(plugin: LoadedPlugin, options: NativeOptions | undefined): Promise<NativeProcess>;
  run<T>(name: string, emit: (program: SyscallProgram) => T): Promise<T>;
  /** Armed around calls. */
  readonly watch: Watch;
}

type Work = () => void | Promise<void>;

interface Use {
  readonly hooks: Set<string>;
  readonly objects: PluginRecord['objects'][number][];
  readonly facts: Record<string, unknown>;
}

const MAX_OBJECTS = 100_000;
const UNDOING: ReadonlySet<string> = new Set(['dump.resumeDevices']);

/** Hooks of a manifest that this version never calls. */
export function uncalled({ hooks }: Pick<Manifest, 'hooks'>): { readonly hook: string; readonly reason: string }[] {
  return Object.keys(hooks).flatMap((hook) => {
    const reason = uncalledReason(hook);
    return reason === null ? [] : [{ hook, reason }];
  });
}

export class PluginSession {
  private readonly uses = new Map<string, Use>();
  private readonly claims = new Map<string, Claims>();
  private readonly closing: { blame: Blame; work: Work }[] = [];
  private readonly failing: { blame: Blame; work: Work }[] = [];
  private readonly off = new Set<string>();
  private open = true;
  /** The plugin whose hook is running: calls are one after the other. */
  private current: { readonly plugin: LoadedPlugin; readonly hook: string } | null = null;

  constructor(
    readonly operation: Operation,
    /** In the order in which they are called. */
    readonly plugins: readonly LoadedPlugin[],
    private readonly services: SessionServices,
  ) {}

  /** Lets every plugin register. @throws CrError CR_PLUGIN */
  attach(hooks: Hooks): void {
    for (const [index, plugin] of this.plugins.entries()) {
      const { name } = plugin.manifest;
      this.uses.set(name, { hooks: new Set(), objects: [], facts: {} });
      this.claims.set(name, new Claims(plugin.manifest.claims ?? {}));
      const blame = this.blame(plugin, 'apply', '');
      guardedSync(blame, { ms: AT_ONCE_MS, watch: this.services.watch }, () => plugin.definition.apply(this.hostOf(plugin, index, hooks)));
      for (const { hook, reason } of uncalled(plugin.manifest))
        this.services.log.info(`Plugin ${name} taps ${hook}, which is never called here: ${reason}`);
    }
    this.open = false;
  }

  private blame({ manifest, source }: LoadedPlugin, hook: string, site: string): Blame {
    return { plugin: manifest.name, version: manifest.version, hook, site: site === '' ? source : site };
  }

  private hostOf(plugin: LoadedPlugin, index: number, hooks: Hooks): PluginHost {
    const { manifest } = plugin;
    const log = this.services.log;
    const say = (level: 'error' | 'warn' | 'info' | 'debug') => (text: string) => log[level](`${manifest.name}: ${text}`);
    return {
      api: PLUGIN_API,
      operation: this.operation === 'restore' ? 'restore' : 'dump',
      options: frozen(plugin.options),
      log: { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug') },
      signal: this.services.signal,
      images: this.services.images(plugin),
      on: (hook, work) => this.tap(plugin, index, hooks, { hook, work, site: siteOf(1) }),
      onStage: (point, work) => this.tapStage(plugin, hooks, { point, work, site: siteOf(1) }),
      fact: (key, value) => void (this.uses.get(manifest.name)!.facts[key.slice(0, 64)] = value),
      onClose: (work) => void this.closing.push({ blame: this.blame(plugin, 'onClose', siteOf(1)), work }),
      onFailure: (work) => void this.failing.push({ blame: this.blame(plugin, 'onFailure', siteOf(1)), work }),
      run: (name, emit) => this.services.run(`${manifest.name}.${name}`, emit),
      loadNative: (options) => this.services.loadNative(plugin, options),
    };
  }

  private checkTap({ manifest }: LoadedPlugin, hook: string): void {
    if (!this.open) throw new RangeError(`${hook} was tapped after apply() had returned`);
    if (!Object.hasOwn(manifest.hooks, hook)) throw new RangeError(`${hook} is not in the manifest's hooks`);
  }

  private tap<N extends HookName>(
    plugin: LoadedPlugin,
    index: number,
    hooks: Hooks,
    { hook, work, site }: { hook: N; work: HookFunction<N>; site: string },
  ): void {
    this.checkTap(plugin, hook);
    // The manifest may list hooks of a later API (validate.ts).
    if (!isHookName(hook)) return;
    const info: HookInfo = PLUGIN_HOOKS[hook];
    const { name } = plugin.manifest;
    const of = hooks.api(hook);
    if (of.taps.some((tap) => tap.name === name)) throw new RangeError(`${hook} is tapped twice`);
    // A dump's hooks mean nothing at a restore, and the other way round.
    if (info.operation !== this.operation) return;
    const blame = this.blame(plugin, hook, site);
    const options = { name, stage: info.reverse === true ? -index : index };
    const skip = (answers: Answers<unknown>) => this.off.has(name) || !answers.asks(name);
    const limit = plugin.manifest.deadlines?.[hook];
    if (info.sync === true) {
      const ms = limit ?? AT_ONCE_MS;
      of.tap(options, (context: unknown, answers: Answers<unknown>) => {
        if (skip(answers)) return;
        const answer: unknown = guardedSync(blame, { ms, watch: this.services.watch }, () => work(frozen(context) as never));
        if (answer !== undefined) answers.add(name, answer);
      });
      return;
    }
    const ms = limit ?? info.deadlineMs;
    of.tapPromise(options, async (context: unknown, answers: Answers<unknown>) => {
      if (skip(answers)) return;
      // In a waterfall each one is given what the one before answered.
      const given = info.kind === 'waterfall' ? (answers.list.at(-1)?.answer ?? context) : context;
      const answer = await this.call(plugin, hook, { blame, ms, work: () => work(frozen(given) as never) });
      if (Array.isArray(answer) && hook !== 'restore.check') this.note(plugin, hook, answer as readonly Touched[]);
      if (answer !== undefined) answers.add(name, answer);
    });
  }

  private async call(plugin: LoadedPlugin, hook: string, how: { blame: Blame; ms: number; work: () => unknown }): Promise<unknown> {
    this.current = { plugin, hook };
    try {
      // What takes something back is not cut short by whoever is in a hurry.
      const signal = UNDOING.has(hook) ? undefined : this.services.signal;
      return await guarded(how.blame, { ms: how.ms, watch: this.services.watch, signal }, how.work);
    } catch (error) {
      if (!this.mayGoOn(plugin)) throw error;
      this.off.add(plugin.manifest.name);
      this.services.log.warn(`${error instanceof Error ? error.message : String(error)}; it is optional, and the dump goes on without it`);
      return undefined;
    } finally {
      this.current = null;
    }
  }

  /** An optional plugin that has taken nothing yet can be done without. At a restore it was asked for by name. */
  private mayGoOn({ manifest }: LoadedPlugin): boolean {
    return manifest.failPolicy === 'optional' && this.operation !== 'restore' && this.uses.get(manifest.name)!.objects.length === 0;
  }

  private tapStage(
    plugin: LoadedPlugin,
    hooks: Hooks,
    { point, work, site }: { point: string; work: (event: never) => unknown; site: string },
  ): void {
    this.checkTap(plugin, point);
    const parts = stagePointOf(point);
    if (parts?.operation !== this.operation) return;
    const blame = this.blame(plugin, point, site);
    const ms = plugin.manifest.deadlines?.[point] ?? STAGE_HOOK_DEADLINE_MS;
    const hook = hooks.stage(parts.operation, parts.stage as never)[parts.point];
    hook.tapPromise(plugin.manifest.name, async (event) => {
      if (!this.off.has(plugin.manifest.name)) await this.call(plugin, point, { blame, ms, work: () => work(frozen(event) as never) });
    });
  }

  /** Notes what the plugin took or changed. @throws CrError CR_PLUGIN when that is not what a Touched is */
  note(plugin: LoadedPlugin, hook: string, touched: readonly (Touched & { readonly id?: number })[]): void {
    const use = this.uses.get(plugin.manifest.name)!;
    for (const object of touched) {
      if (!Number.isInteger(object?.pid) || typeof object.what !== 'string')
        throw blamed(new TypeError('answered something that has no pid or no what'), this.blame(plugin, hook, ''));
      if (use.objects.length < MAX_OBJECTS) use.objects.push({ ...object, hook });
      use.hooks.add(hook);
    }
  }

  /** The running hook changed a task by a method of its context. */
  noteCurrent(touched: Touched): void {
    if (this.current) this.note(this.current.plugin, this.current.hook, [touched]);
  }

  pluginOf(name: string): LoadedPlugin | undefined {
    return this.plugins.find(({ manifest }) => manifest.name === name);
  }

  /** The filter of a plugin's claims. */
  claimsOf(name: string): Claims {
    return this.claims.get(name)!;
  }

  /** Plugins that this checkpoint needs, in order. */
  get used(): readonly LoadedPlugin[] {
    return this.plugins.filter(({ manifest }) => (this.uses.get(manifest.name)?.hooks.size ?? 0) > 0);
  }

  records(): PluginRecord[] {
    return this.used.map(({ manifest, options }) => {
      const { hooks, objects, facts } = this.uses.get(manifest.name)!;
      const { name, version, api, image } = manifest;
      return { name, version, api, image, hooks: [...hooks].sort(), objects, options: optionDigest(options), facts };
    });
  }

  /** The operation failed: what plugins registered for that, last first. A failure here is logged and hides nothing. */
  async failed(): Promise<void> {
    await this.runAll(this.failing);
  }

  /** The operation is over. */
  async close(): Promise<void> {
    await this.runAll(this.closing);
  }

  private async runAll(list: { blame: Blame; work: Work }[]): Promise<void> {
    for (const { blame, work } of list.splice(0).reverse()) {
      try {
        await guarded(blame, { ms: STAGE_HOOK_DEADLINE_MS, watch: NO_WATCH }, work);
      } catch (error) {
        this.services.log.error(error instanceof CrError ? error.message : String(error));
      }
    }
  }
}
