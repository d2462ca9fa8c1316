/**
 * Every hook of the plugin API, declared once: types, kind, stage, deadline and undo. Types of the SDK, plugins/sdk/docs/hooks.md, the checks of manifests and
 * the dispatch all come from here. The state of the target is that of the stage (core/stages.ts).
 */
import { STAGES, type Operation } from '../stages.js';
import type {
  Claim,
  FileAnswer,
  MappedDevice,
  MappingAnswer,
  OpenedFile,
  OptionsPlan,
  RestoreOptionsPlan,
  RestorePlan,
  ResumedTree,
  Retry,
  RunningTree,
  SavedFile,
  SeedTree,
  SeenMapping,
  SeenObject,
  StageEvent,
  StoppedTree,
  Touched,
} from './contexts.js';
import { UNCALLED_HOOKS, UNCALLED_OPERATIONS, type UncalledHookTypes } from './uncalled-hooks.js';

/**
 * `broadcast`: everybody, one after the other, in order. `claim`: asked about one object; exactly one plugin may have it. `owner`: only the plugin that claimed
 * the object. `waterfall`: each gets what the one before answered.
 */
export type HookKind = 'broadcast' | 'claim' | 'owner' | 'waterfall';

export interface HookInfo {
  readonly kind: HookKind;
  readonly operation: Operation;
  readonly stage: string;
  /** API version that brought it. */
  readonly since: string;
  /** Milliseconds that a call may take, unless the plugin asks for another limit in its manifest (`deadlines`). */
  readonly deadlineMs: number;
  /** The answer must come at once, not as a promise: the hook is asked thousands of times, also while the tree is frozen. */
  readonly sync?: true;
  /** Called in the reverse of the usual order: it takes something back. */
  readonly reverse?: true;
  /** Why nobody calls it in this version. */
  readonly uncalled?: string;
  readonly doc: string;
  readonly undo: string;
}

type Nothing = void | undefined;

/** What each hook is given and answers. */
export interface HookTypes extends UncalledHookTypes {
  'dump.options': { context: OptionsPlan; answer: OptionsPlan };
  'dump.claimFile': { context: SeenObject; answer: Claim | undefined };
  'dump.claimMapping': { context: SeenMapping; answer: Claim | undefined };
  'dump.pauseDevices': { context: RunningTree; answer: readonly Touched[] | Nothing };
  'dump.checkpointDevices': { context: StoppedTree; answer: readonly Touched[] | Retry | Nothing };
  'dump.saveFile': { context: SavedFile; answer: Nothing };
  'dump.devicesLate': { context: StoppedTree; answer: readonly Touched[] | Nothing };
  'dump.resumeDevices': { context: ResumedTree; answer: Nothing };
  'restore.options': { context: RestoreOptionsPlan; answer: RestoreOptionsPlan };
  'restore.check': { context: RestorePlan; answer: readonly string[] | Nothing };
  'restore.init': { context: RestorePlan; answer: Nothing };
  'restore.openFile': { context: OpenedFile; answer: FileAnswer | undefined };
  'restore.mapDevice': { context: MappedDevice; answer: MappingAnswer | undefined };
  'restore.postForking': { context: SeedTree; answer: Nothing };
  'restore.resumeDevices': { context: StoppedTree; answer: Nothing };
}

export type HookName = keyof HookTypes;

export const PLUGIN_HOOKS: { readonly [N in HookName]: HookInfo } = {
  'dump.options': {
    kind: 'waterfall',
    operation: 'dump',
    stage: 'prepare',
    since: '1.0.0',
    deadlineMs: 2_000,
    doc: 'May change the plan of the dump: answer the plan, or a changed copy.',
    undo: 'nothing to undo',
  },
  'dump.claimFile': {
    kind: 'claim',
    operation: 'dump',
    stage: 'files',
    since: '1.0.0',
    deadlineMs: 0,
    sync: true,
    doc: 'Whether a file that nothing built in dumps is yours. Asked in the pre-flight while the tree runs, and again when it stands. Answer undefined if it is not.',
    undo: 'nothing to undo',
  },
  'dump.claimMapping': {
    kind: 'claim',
    operation: 'dump',
    stage: 'memory',
    since: '1.0.0',
    deadlineMs: 0,
    sync: true,
    doc: 'Whether a mapping of a device is yours. The host stores address, protection and offset, no content. Answer undefined if it is not.',
    undo: 'nothing to undo',
  },
  'dump.pauseDevices': {
    kind: 'broadcast',
    operation: 'dump',
    stage: 'pauseDevices',
    since: '1.0.0',
    deadlineMs: 10_000,
    doc: 'Stop work that the kernel cannot freeze, for the whole tree at once. Answer what was stopped.',
    undo: 'dump.resumeDevices, also when this very call failed',
  },
  'dump.checkpointDevices': {
    kind: 'broadcast',
    operation: 'dump',
    stage: 'checkpointDevices',
    since: '1.0.0',
    deadlineMs: 600_000,
    doc: 'Move device state into memory of the tasks. Mappings, descriptors and registers are read afterwards. Answer what was moved; { retry } lets the tree run and begins again with dump.pauseDevices, a few times.',
    undo: 'dump.resumeDevices',
  },
  'dump.saveFile': {
    kind: 'owner',
    operation: 'dump',
    stage: 'files',
    since: '1.0.0',
    deadlineMs: 10_000,
    doc: 'Save a file that you claimed. What restore.openFile needs goes into files of your own (host.images).',
    undo: 'image files are removed',
  },
  'dump.devicesLate': {
    kind: 'broadcast',
    operation: 'dump',
    stage: 'dumpDevicesLate',
    since: '1.0.0',
    deadlineMs: 60_000,
    doc: 'Memory and files of every task are dumped: save what depends on that.',
    undo: 'dump.resumeDevices',
  },
  'dump.resumeDevices': {
    kind: 'broadcast',
    operation: 'dump',
    stage: 'resumeDevices',
    since: '1.0.0',
    deadlineMs: 600_000,
    reverse: true,
    doc: 'The tree goes on: give it its devices back as they were, whatever went before, completely or in part. Called once for every dump whose tree survives, also when dump.pauseDevices failed half-way.',
    undo: 'nothing to undo',
  },
  'restore.options': {
    kind: 'waterfall',
    operation: 'restore',
    stage: 'prepare',
    since: '1.0.0',
    deadlineMs: 2_000,
    doc: 'May change the plan of the restore: answer the plan, or a changed copy.',
    undo: 'nothing to undo',
  },
  'restore.check': {
    kind: 'broadcast',
    operation: 'restore',
    stage: 'plan',
    since: '1.0.0',
    deadlineMs: 30_000,
    doc: 'Look whether this host has what the checkpoint needs. Answer the reasons why not, each with what to do: they are told together, and nothing is created. Called in a dry run too.',
    undo: 'nothing to undo',
  },
  'restore.init': {
    kind: 'broadcast',
    operation: 'restore',
    stage: 'restoreInit',
    since: '1.0.0',
    deadlineMs: 10_000,
    doc: 'Prepare; the next stages create things.',
    undo: 'host.onFailure',
  },
  'restore.openFile': {
    kind: 'owner',
    operation: 'restore',
    stage: 'openFiles',
    since: '1.0.0',
    deadlineMs: 10_000,
    doc: 'Open again what dump.saveFile saved: the descriptor is handed to every process that had it. In sets of CRIU, which do not tell the owner, every plugin is asked, and undefined means that it is not yours.',
    undo: 'the descriptor is closed',
  },
  'restore.mapDevice': {
    kind: 'owner',
    operation: 'restore',
    stage: 'openFiles',
    since: '1.0.0',
    deadlineMs: 10_000,
    doc: 'Where a mapping that you claimed leads now; undefined opens the same path and maps the same offset.',
    undo: 'the descriptor is closed',
  },
  'restore.postForking': {
    kind: 'broadcast',
    operation: 'restore',
    stage: 'postForking',
    since: '1.0.0',
    deadlineMs: 60_000,
    doc: 'Every process exists and is parked, with its memory: run system calls in it.',
    undo: 'everything created is killed',
  },
  'restore.resumeDevices': {
    kind: 'broadcast',
    operation: 'restore',
    stage: 'resumeDevicesLate',
    since: '1.0.0',
    deadlineMs: 600_000,
    doc: 'Every thread is what it was, and stopped: give the tree its devices back. A failure fails the restore.',
    undo: 'everything created is killed',
  },
  ...UNCALLED_HOOKS,
};

export const HOOK_NAMES = Object.keys(PLUGIN_HOOKS) as HookName[];

const POINTS = ['before', 'after', 'failed'] as const;
export type StagePoint = (typeof POINTS)[number];

/** `dump.freeze:before`: a point of a stage. */
export type StageHookName = `${Operation}.${string}:${StagePoint}`;

/** Milliseconds for a hook of a stage. */
export const STAGE_HOOK_DEADLINE_MS = 10_000;

export function isHookName(name: string): name is HookName {
  return Object.hasOwn(PLUGIN_HOOKS, name);
}

/** The parts of `dump.freeze:before`; null when there is no such stage or point. */
export function stagePointOf(name: string): { operation: Operation; stage: string; point: StagePoint } | null {
  const match = /^([A-Za-z]+)\.([A-Za-z]+):([a-z]+)$/.exec(name);
  if (!match) return null;
  const [, operation, stage, point] = match as unknown as [string, string, string, string];
  const known = Object.hasOwn(STAGES, operation) && Object.hasOwn(STAGES[operation as Operation], stage);
  if (!known || !(POINTS as readonly string[]).includes(point)) return null;
  return { operation: operation as Operation, stage, point: point as StagePoint };
}

/** Why this version never calls a hook that a manifest lists; null when it does. */
export function uncalledReason(name: string): string | null {
  if (isHookName(name)) return PLUGIN_HOOKS[name].uncalled ?? null;
  const point = stagePointOf(name);
  return point ? (UNCALLED_OPERATIONS[point.operation] ?? null) : 'a later plugin API has it';
}

/** Every name that a manifest may list. */
export function allHookNames(): string[] {
  const points = Object.entries(STAGES).flatMap(([operation, stages]) =>
    Object.keys(stages).flatMap((stage) => POINTS.map((point) => `${operation}.${stage}:${point}`)),
  );
  return [...HOOK_NAMES, ...points];
}

/** State of the target while the hook runs. */
export function targetOf(operation: Operation, stage: string): string {
  const table: Readonly<Record<string, { readonly target: string }>> = STAGES[operation];
  return table[stage]?.target ?? 'running';
}

export type HookFunction<N extends HookName> = (
  context: HookTypes[N]['context'],
) => HookTypes[N]['answer'] | Promise<HookTypes[N]['answer']>;

export type StageHookFunction = (event: StageEvent) => void | Promise<void>;
