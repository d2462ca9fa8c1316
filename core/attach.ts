/** The built-in resources and kinds of files, attached the way a plugin attaches its own. */
import { Hooks } from './hooks.js';
import { FILE_KINDS } from './resources/files/kinds.js';
import { TASK_RESOURCES } from './resources/registry.js';

/** What dump and restore work with: everything built in, in its order; more can be added to what is returned. */
export function createHooks(): Hooks {
  const hooks = new Hooks();
  for (const resource of TASK_RESOURCES) hooks.addResource(resource);
  for (const kind of FILE_KINDS) hooks.addFileKind(kind);
  return hooks;
}
