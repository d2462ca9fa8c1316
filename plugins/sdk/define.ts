/** definePlugin(): checks a plugin when its module is loaded, and marks it as one. */
import { PLUGIN_API, PLUGIN_TAG } from '../../core/plugins/api-version.js';
import type { OptionValues, PluginDefinition } from '../../core/plugins/definition.js';
import { readOptions } from '../../core/plugins/option-values.js';
import { manifestOf, manifestProblems } from '../../core/plugins/validate.js';

/** A plugin with options, for `plugins: [cuda({ ... })]`. */
export interface Configured {
  readonly plugin: PluginDefinition;
  readonly options: OptionValues;
}

/**
 * Declares a plugin. The result is the module's default export.
 * @throws TypeError that lists every mistake with its key and the nearest right one
 */
export function definePlugin(definition: PluginDefinition): PluginDefinition {
  const stamped = { sdk: PLUGIN_API, ...definition };
  const problems = manifestProblems(manifestOf(stamped));
  if (typeof definition.apply !== 'function') problems.push('apply: must be a function');
  for (const key of ['probe', 'doctor'] as const)
    if (definition[key] !== undefined && typeof definition[key] !== 'function') problems.push(`${key}: must be a function`);
  if (problems.length > 0) throw new TypeError(`definePlugin: ${problems.join('; ')}`);
  return Object.freeze(Object.defineProperty({ ...stamped }, PLUGIN_TAG, { value: true }));
}

/** Makes the function that a package exports for configurations: `export const cuda = configurable(plugin)`. @throws RangeError for a wrong option */
export function configurable(plugin: PluginDefinition): (options?: Readonly<Record<string, unknown>>) => Configured {
  return (options = {}) => ({ plugin, options: readOptions(plugin.options ?? {}, options) });
}
