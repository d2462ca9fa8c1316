/** Mappings of a task, read and checked. */
import type { Range } from '../resources/memory/ranges.js';
import type { Vma } from '../resources/memory/restore.js';

export interface TaskMemory {
  readonly vmas: readonly Vma[];
  readonly guards: readonly Range[];
}
