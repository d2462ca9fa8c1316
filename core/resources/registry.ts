/** The built-in resources of tasks, in the order in which dump and restore call them. Plugins join the same list at run time. */
import { mm } from './memory/mm.js';
import { registers } from './registers/x64.js';
import type { TaskResource } from './resource.js';

export const TASK_RESOURCES: readonly TaskResource[] = [registers, mm];
