/** How large the arena of the seeds is, and where it lies. */
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { LocalCalls } from '../kernel/local.js';
import { findHole } from '../resources/memory/place.js';
import type { Range } from '../resources/memory/ranges.js';
import type { RestoreTask } from './model.js';
import type { TaskMappings } from './read.js';
import { SeedArena } from './seed-arena.js';

/** Room in the arena: pages are used only when touched. */
const ARENA_BASE = 16 << 20;
const ARENA_PER_TASK = 512 << 10;
const ARENA_PER_THREAD = 64 << 10;
const ARENA_PER_MAPPING = 512;
const ARENA_PER_RUN = 128;
const PAGE = 4096;
const PARKING = 1 << 20;

/** In a hole that no task of the tree uses. `more`: bytes for what else is built in it. */
export function makeArena(
  thread: KernelThread,
  calls: LocalCalls,
  tasks: readonly RestoreTask[],
  mappings: readonly TaskMappings[],
  more: number,
): SeedArena {
  let size = ARENA_BASE + more;
  for (const { threads, mm, pages } of tasks) {
    size += ARENA_PER_TASK + threads.length * ARENA_PER_THREAD;
    size += (mm?.vmas.length ?? 0) * ARENA_PER_MAPPING + (pages?.runs.length ?? 0) * ARENA_PER_RUN;
  }
  const used = mappings.flatMap((memory) => memory.vmas);
  const base = findHole(used, SeedArena.sizeOfCode(thread) + size + PARKING + PAGE);
  return new SeedArena(thread, calls, base, size);
}

/** A hole behind the arena, for the vDSO on its way and for one that differs from that of the images. */
export function parkingOf(seeds: SeedArena): Range {
  const start = seeds.range.end + PAGE;
  return { start, end: start + PARKING };
}
