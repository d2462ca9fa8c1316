/**
 * Hooks: before, after and failed for every stage of core/stages.ts, and claims for objects that no resource knows. One table; types, dispatch
 * and documentation come from it. tapable dispatches; a hook that nobody tapped costs one property read.
 */
import { AsyncSeriesBailHook, AsyncSeriesHook } from 'tapable';
import { STAGES, type Operation, type StageName } from './stages.js';

/** What a stage hook is told. */
export interface StageContext {
  readonly operation: Operation;
  readonly stage: string;
  /** Root of the tree: 0 while it is not known. */
  readonly pid: number;
}

/** An object that was met and that no built-in resource takes. */
export interface UnclaimedObject {
  readonly kind: 'file' | 'mapping' | 'mount' | 'link' | 'unixSocket';
  readonly pid: number;
  readonly fd?: number;
  readonly addr?: number;
  readonly what: string;
}

/** The owner that a claim hook names. */
export interface Claim {
  readonly owner: string;
}

export const CLAIM_HOOKS = {
  claimFile: 'A descriptor that no resource knows. Answer undefined if it is not yours.',
  claimMapping: 'A mapping of a device that no resource knows.',
  claimMount: 'A mount that cannot be rebuilt from its source.',
  claimLink: 'A network device of an unknown kind.',
  claimUnixSocket: 'A unix socket whose peer is outside the tree.',
} as const;
export type ClaimHookName = keyof typeof CLAIM_HOOKS;

type StageHook = AsyncSeriesHook<[StageContext]>;
interface StageHooks {
  readonly before: StageHook;
  readonly after: StageHook;
  readonly failed: StageHook;
}

export class Hooks {
  private readonly stages = new Map<string, StageHooks>();
  readonly claims: Readonly<Record<ClaimHookName, AsyncSeriesBailHook<[UnclaimedObject], Claim | undefined>>>;

  constructor() {
    const claims = Object.keys(CLAIM_HOOKS).map((name) => [
      name,
      new AsyncSeriesBailHook<[UnclaimedObject], Claim | undefined>(['object']),
    ]);
    this.claims = Object.fromEntries(claims) as Record<ClaimHookName, AsyncSeriesBailHook<[UnclaimedObject], Claim | undefined>>;
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

  /** Hooks of a stage if anybody ever asked for them. */
  tapped(operation: Operation, name: string): StageHooks | undefined {
    return this.stages.get(`${operation}.${name}`);
  }

  /** Names that tapped a stage, by point, for `criu-ts stages`. */
  attached(operation: Operation, name: string): { before: string[]; after: string[]; failed: string[] } {
    const hooks = this.tapped(operation, name);
    const names = (hook: StageHook | undefined) => (hook ? hook.taps.map((tap) => tap.name) : []);
    return { before: names(hooks?.before), after: names(hooks?.after), failed: names(hooks?.failed) };
  }
}
