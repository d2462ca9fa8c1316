/**
 * Everything that can be attached to a dump or restore: before, after and failed hooks for every stage of core/stages.ts, claim hooks for objects, and the
 * resources of tasks in their order. tapable dispatches; a stage hook that nobody tapped costs one look-up.
 */
import { AsyncSeriesHook, SyncBailHook } from 'tapable';
import { Answers } from './plugins/answers.js';
import { type HookName, type HookTypes, PLUGIN_HOOKS } from './plugins/hook-table.js';
import type { FileEntry } from './images/generated/fdinfo.js';
import type { Vma } from './kernel/procfs/maps.js';
import type { FileKind, SeenFile } from './resources/files/kind.js';
import type { TaskResource } from './resources/resource.js';
import { STAGES, type Operation, type StageName } from './stages.js';

/** What a stage hook is told. */
export interface StageContext {
  readonly operation: Operation;
  readonly stage: string;
  /** Root of the tree: 0 while it is not known. */
  readonly pid: number;
}

/**
 * Who takes an object: the built-in kinds tap these hooks first (core/attach.ts), plugins after them; the first answer decides. They are asked while the
 * tree is frozen too, so they must answer at once. More objects (mounts, network devices, peers of sockets) come with the stages that meet them.
 */
export const CLAIM_HOOKS = {
  claimFile: 'Dump: which kind a file behind a descriptor is. Answer undefined if it is not yours.',
  claimMapping: 'Dump: which plugin a mapping of a device belongs to. Answer undefined if it is nobody.',
  claimEntry: 'Restore: which kind reads an entry of files.img. Answer undefined if it is not yours.',
} as const;

/** A mapping that a plugin claimed. */
export interface MappingOwner {
  readonly plugin: string;
  readonly what: string;
}

interface ClaimHooks {
  readonly claimFile: SyncBailHook<[SeenFile], FileKind | undefined>;
  readonly claimMapping: SyncBailHook<[number, Vma], MappingOwner | undefined>;
  readonly claimEntry: SyncBailHook<[FileEntry], FileKind | undefined>;
}

type StageHook = AsyncSeriesHook<[StageContext]>;
/** A hook of the plugin API: the context, and where the answers go. */
type ApiHook = AsyncSeriesHook<[unknown, Answers<unknown>]>;

/** An answer and who gave it. */
export interface Answer<N extends HookName> {
  readonly plugin: string;
  readonly answer: NonNullable<HookTypes[N]['answer']>;
}

interface StageHooks {
  readonly before: StageHook;
  readonly after: StageHook;
  readonly failed: StageHook;
}

export class Hooks {
  private readonly stages = new Map<string, StageHooks>();
  readonly claims: ClaimHooks = {
    claimFile: new SyncBailHook(['file']),
    claimMapping: new SyncBailHook(['pid', 'vma']),
    claimEntry: new SyncBailHook(['entry']),
  };
  private readonly list: TaskResource[] = [];
  private readonly apiHooks = new Map<HookName, ApiHook>();

  /** Resources of tasks, in the order in which they are called. */
  get resources(): readonly TaskResource[] {
    return this.list;
  }

  /** Adds a resource, last or before another one. Throws RangeError for a name that is taken or unknown. */
  addResource(resource: TaskResource, before?: string): void {
    const names = this.list.map(({ name }) => name);
    if (names.includes(resource.name)) throw new RangeError(`there is a resource "${resource.name}" already`);
    const at = before === undefined ? names.length : names.indexOf(before);
    if (at < 0) throw new RangeError(`there is no resource "${before}"; there are ${names.join(', ')}`);
    this.list.splice(at, 0, resource);
  }

  /** Adds a kind of file: it is asked after those that are there. Throws RangeError for a name that is taken. */
  addFileKind(kind: FileKind): void {
    const { claimFile, claimEntry } = this.claims;
    if (claimFile.taps.some(({ name }) => name === kind.name)) throw new RangeError(`there is a kind of file "${kind.name}" already`);
    claimFile.tap(kind.name, (file) => (kind.claims(file) ? kind : undefined));
    claimEntry.tap(kind.name, (entry) => (entry.type === kind.type && (kind.reads?.(entry) ?? true) ? kind : undefined));
  }

  /** Hooks of a stage, for tapping. Throws RangeError for an unknown stage and lists the known ones. */
  stage<O extends Operation>(operation: O, name: StageName<O>): StageHooks {
    const known = Object.keys(STAGES[operation]);
    if (!known.includes(name)) throw new RangeError(`${operation} has no stage "${name}"; its stages are ${known.join(', ')}`);
    const key = `${operation}.${name}`;
    let hooks = this.stages.get(key);
    if (!hooks) {
      const make = () => new AsyncSeriesHook<[StageContext]>(['context']);
      hooks = { before: make(), after: make(), failed: make() };
      this.stages.set(key, hooks);
    }
    return hooks;
  }

  /** A hook of the plugin API (core/plugins/hook-table.ts), for tapping. */
  api(name: HookName): ApiHook {
    let hook = this.apiHooks.get(name);
    if (!hook) this.apiHooks.set(name, (hook = new AsyncSeriesHook<[unknown, Answers<unknown>]>(['context', 'answers'])));
    return hook;
  }

  /** Names that tapped a hook of the plugin API, in order. */
  tappedBy(name: HookName): string[] {
    return this.apiHooks.get(name)?.taps.map((tap) => tap.name) ?? [];
  }

  /** Asks everybody (or `only` one plugin) one after the other. Costs one look-up when nobody tapped. @throws CrError CR_PLUGIN */
  async ask<N extends HookName>(name: N, context: HookTypes[N]['context'], only: string | null = null): Promise<Answer<N>[]> {
    const hook = this.apiHooks.get(name);
    if (!hook) return [];
    const answers = only === null ? new Answers<unknown>() : new Answers<unknown>((plugin) => plugin === only);
    await hook.promise(context, answers);
    return answers.list as Answer<N>[];
  }

  /** The same for hooks that answer at once. `asks` tells who is asked. */
  askNow<N extends HookName>(name: N, context: HookTypes[N]['context'], asks: (plugin: string) => boolean): Answer<N>[] {
    const hook = this.apiHooks.get(name);
    if (!hook) return [];
    if (PLUGIN_HOOKS[name].sync !== true) throw new RangeError(`${name} does not answer at once`);
    const answers = new Answers<unknown>(asks);
    // Every tap is synchronous, so that the call is over when it returns; an error of one comes out here.
    let failure: Error | null | undefined;
    hook.callAsync(context, answers, (error) => {
      failure = error;
    });
    if (failure) throw failure;
    return answers.list as Answer<N>[];
  }

  /** Hooks of a stage if anybody ever asked for them. */
  tapped(operation: Operation, name: string): StageHooks | undefined {
    return this.stages.get(`${operation}.${name}`);
  }

  /** Stages that somebody tapped. */
  tappedStages(operation: Operation): { stage: string; taps: ReturnType<Hooks['attached']> }[] {
    const stages = Object.keys(STAGES[operation]).filter((stage) => this.tapped(operation, stage));
    return stages.map((stage) => ({ stage, taps: this.attached(operation, stage) }));
  }

  /** Names that tapped a stage, by point, for `criu-ts stages`. */
  attached(operation: Operation, name: string): { before: string[]; after: string[]; failed: string[] } {
    const hooks = this.tapped(operation, name);
    const names = (hook: StageHook | undefined) => (hook ? hook.taps.map((tap) => tap.name) : []);
    return { before: names(hooks?.before), after: names(hooks?.after), failed: names(hooks?.failed) };
  }
}
