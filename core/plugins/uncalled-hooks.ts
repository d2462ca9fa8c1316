/**
 * Hooks for objects that the engine has no stage for yet. They are declared, so that plugins of CRIU that have them can be ported and their authors can say what
 * is missing; nobody calls them, and whoever taps one is told why. Their types may change until they are called (plugins/sdk/docs/versions.md).
 */
import type { Claim, MadeLink, MadeMount, MountAnswer, SavedMount, SeenLink, SeenMount } from './contexts.js';
import type { HookInfo } from './hook-table.js';

export interface UncalledHookTypes {
  'dump.claimMount': { context: SeenMount; answer: Claim | undefined };
  'dump.saveMount': { context: SavedMount; answer: void | undefined };
  'dump.claimLink': { context: SeenLink; answer: Claim | undefined };
  'restore.openMount': { context: MadeMount; answer: MountAnswer | undefined };
  'restore.makeLink': { context: MadeLink; answer: void | undefined };
}

const NO_MOUNTS = 'mount namespaces of a tree are not dumped yet';
const NO_LINKS = 'network namespaces of a tree are not dumped yet';

export const UNCALLED_HOOKS: { readonly [N in keyof UncalledHookTypes]: HookInfo } = {
  'dump.claimMount': {
    kind: 'claim',
    operation: 'dump',
    stage: 'files',
    since: '1.0.0',
    deadlineMs: 0,
    sync: true,
    uncalled: NO_MOUNTS,
    doc: 'Whether a mount of something that lies outside of the tree is yours. Answer undefined if it is not.',
    undo: 'nothing to undo',
  },
  'dump.saveMount': {
    kind: 'owner',
    operation: 'dump',
    stage: 'files',
    since: '1.0.0',
    deadlineMs: 10_000,
    uncalled: NO_MOUNTS,
    doc: 'Save a mount that you claimed. What restore.openMount needs goes into files of your own (host.images).',
    undo: 'image files are removed',
  },
  'dump.claimLink': {
    kind: 'claim',
    operation: 'dump',
    stage: 'files',
    since: '1.0.0',
    deadlineMs: 0,
    sync: true,
    uncalled: NO_LINKS,
    doc: 'Whether a network device of a kind that nothing built in makes is yours. Answer undefined if it is not.',
    undo: 'nothing to undo',
  },
  'restore.openMount': {
    kind: 'owner',
    operation: 'restore',
    stage: 'openFiles',
    since: '1.0.0',
    deadlineMs: 10_000,
    uncalled: NO_MOUNTS,
    doc: 'Open again what dump.saveMount saved: a detached mount, which the host moves to its place.',
    undo: 'the descriptor is closed',
  },
  'restore.makeLink': {
    kind: 'owner',
    operation: 'restore',
    stage: 'setupNamespaces',
    since: '1.0.0',
    deadlineMs: 10_000,
    uncalled: NO_LINKS,
    doc: 'Make a network device that you claimed, in a network namespace to be.',
    undo: 'the namespace goes with everything that was created',
  },
};

/** Why points of stages of this operation are not called. */
export const UNCALLED_OPERATIONS: Readonly<Record<string, string>> = { preDump: 'pre-dump is not built yet' };
