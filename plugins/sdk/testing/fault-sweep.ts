/** A plugin with one broken hook at a time: whatever a hook does, the engine must name it and let the tree go on. */
import type { PluginDefinition, PluginHost } from '../../../core/plugins/definition.js';
import { CrError } from '../../../core/errors.js';
import type { Victim, VictimRunOptions } from './victim.js';
import { type HookName, isHookName, PLUGIN_HOOKS } from '../../../core/plugins/hook-table.js';

export const FAULTS = ['throws', 'hangs', 'garbage'] as const;
export type Fault = (typeof FAULTS)[number];

/** The plugin, with one hook replaced. */
export interface FaultyPlugin {
  readonly hook: HookName;
  readonly fault: Fault;
  readonly plugin: PluginDefinition;
}

/** Milliseconds that a hanging hook is waited for. */
const DEADLINE_MS = 200;

/** Hooks whose answer means nothing: there garbage is no fault. */
const ANSWERS_NOTHING: ReadonlySet<string> = new Set([
  'dump.saveFile',
  'dump.resumeDevices',
  'restore.init',
  'restore.postForking',
  'restore.resumeDevices',
]);

function broken(fault: Fault): () => never {
  return () => {
    if (fault === 'throws') throw new Error('a fault of the sweep');
    if (fault === 'hangs') return new Promise<never>(() => undefined) as never;
    return [{ nonsense: true }] as never;
  };
}

function withFault(plugin: PluginDefinition, hook: HookName, fault: Fault): PluginDefinition {
  const apply = (host: PluginHost): void => {
    const on: PluginHost['on'] = (name, work) => host.on(name, name === hook ? (broken(fault) as never) : work);
    plugin.apply(Object.assign(Object.create(host) as PluginHost, { on }));
  };
  const deadlines = { ...plugin.deadlines, [hook]: DEADLINE_MS };
  // What marks it as made by definePlugin() is not enumerable.
  const descriptors = Object.getOwnPropertyDescriptors(plugin);
  const own = (value: unknown) => ({ value, enumerable: true });
  return Object.create(Object.prototype, { ...descriptors, apply: own(apply), deadlines: own(deadlines) }) as PluginDefinition;
}

/**
 * Every hook of the manifest with every fault that it can have, for `operation`. A hook that answers at once cannot hang.
 */
export function faultyPlugins(plugin: PluginDefinition, operation: 'dump' | 'restore'): FaultyPlugin[] {
  const hooks = Object.keys(plugin.hooks).filter(
    (name): name is HookName => isHookName(name) && PLUGIN_HOOKS[name].operation === operation && PLUGIN_HOOKS[name].uncalled === undefined,
  );
  return hooks.flatMap((hook) =>
    FAULTS.filter((fault) => !(fault === 'hangs' && PLUGIN_HOOKS[hook].sync === true))
      .filter((fault) => !(fault === 'garbage' && ANSWERS_NOTHING.has(hook)))
      .map((fault) => ({ hook, fault, plugin: withFault(plugin, hook, fault) })),
  );
}

/** What the host promises about a failing hook, as reasons why it was not kept; empty when it was. */
export function blameProblems({ hook, fault, plugin }: FaultyPlugin, error: unknown): string[] {
  const at = `${hook} ${fault}`;
  if (!(error instanceof CrError)) return [`${at}: ${error === undefined ? 'nothing failed' : `not a CrError: ${String(error)}`}`];
  const wants: readonly (readonly [boolean, string])[] = [
    [error.code === 'CR_PLUGIN', `has code ${error.code}`],
    [error.message.includes(plugin.name), `does not name ${plugin.name}: ${error.message}`],
    [fault === 'garbage' || error.message.includes(hook), `does not name the hook: ${error.message}`],
    [error.target !== 'frozen', 'leaves the tree frozen'],
  ];
  return wants.filter(([kept]) => !kept).map(([, text]) => `${at}: the error ${text}`);
}

/**
 * Dumps (or restores) with each broken copy of the plugin in turn, and looks whether the engine kept its promise: the plugin is blamed, a dump leaves the tree
 * running, a restore leaves nothing behind.
 * Preconditions: for `dump` the victim runs and the plugin itself can dump it; for `restore` it was dumped with the plugin.
 * @param options for every run, such as options of the plugin; `plugins` is filled in
 * @returns what was not kept, one line each
 */
export async function sweepProblems(
  victim: Victim,
  plugin: PluginDefinition,
  operation: 'dump' | 'restore',
  options: VictimRunOptions = {},
): Promise<string[]> {
  const problems: string[] = [];
  for (const variant of faultyPlugins(plugin, operation)) {
    const given = { ...options, plugins: [variant.plugin] };
    const run = operation === 'dump' ? victim.dump({ ...given, leaveRunning: true }) : victim.restore(given);
    const error: unknown = await run.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    problems.push(...blameProblems(variant, error));
    if (victim.isRunning === (operation === 'dump')) continue;
    problems.push(`${variant.hook} ${variant.fault}: the victim ${operation === 'dump' ? 'does not run any more' : 'exists'}`);
    victim.kill();
    break;
  }
  return problems;
}
