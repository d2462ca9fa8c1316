/**
 * How daemons learn that we died: a futex word in each arena is "owned" by the KernelThread through its robust list. When the thread ends, SIGKILL
 * of the whole process included, the kernel sets FUTEX_OWNER_DIED in every word and wakes a waiter (get_robust_list(2), robust-futexes.rst).
 * No descriptor, no pid namespace, no polling.
 */
import { CrError } from '../errors.js';
import { STRUCTS } from '../abi/structs.js';
import type { Arena } from '../program/arena.js';
import { StructPtr } from '../program/ptr.js';
import type { KernelThread } from './kernel-thread.js';

/** The head of each arena: {u64 next; u32 word; u32 death}. Thread blocks follow. */
export const ARENA_HEAD = { next: 0, word: 8, death: 12, size: 64 } as const;
const FUTEX_WAITERS = 0x80000000;
/** The kernel walks at most this many entries (ROBUST_LIST_LIMIT, linux/futex.h). */
const ROBUST_LIST_LIMIT = 2048;

export class RobustList {
  private readonly head: Arena;
  private readonly arenas: Arena[] = [];

  constructor(private readonly thread: KernelThread) {
    this.head = thread.arena(16384);
    const head = new StructPtr(this.head, this.head.alloc(STRUCTS.robust_list_head.size), 'robust_list_head');
    const local = head.addr;
    head.put({ 'list.next': local, futex_offset: ARENA_HEAD.word - ARENA_HEAD.next });
    const free = thread.once('robust.register', 4096, (p) => p.sys.set_robust_list(local, head.size).must('register the robust list')).free;
    free();
  }

  /** From now on the arena's word is ours. */
  add(arena: Arena): void {
    if (this.arenas.length >= ROBUST_LIST_LIMIT)
      throw new CrError('CR_UNSUPPORTED', { message: `more than ${ROBUST_LIST_LIMIT} processes in one tree`, target: 'running' });
    arena.view.setUint32(ARENA_HEAD.word, (this.thread.tid | FUTEX_WAITERS) >>> 0, true);
    arena.view.setBigUint64(ARENA_HEAD.next, this.arenas.length === 0 ? this.head.mapping.addr : entryOf(this.arenas.at(-1)!), true);
    this.head.view.setBigUint64(0, entryOf(arena), true);
    this.arenas.push(arena);
  }

  /**
   * Takes an arena off the list: after its daemons have ended (before that they would never learn of our death) and before our mapping of it goes
   * (the kernel stops its walk at the first entry that it cannot read, and later arenas would not be told).
   */
  remove(arena: Arena): void {
    const at = this.arenas.indexOf(arena);
    if (at < 0) return;
    const next = arena.view.getBigUint64(ARENA_HEAD.next, true);
    const newer = this.arenas[at + 1];
    if (newer) newer.view.setBigUint64(ARENA_HEAD.next, next, true);
    else this.head.view.setBigUint64(0, next, true);
    this.arenas.splice(at, 1);
  }
}

function entryOf(arena: Arena): bigint {
  return arena.mapping.addr + BigInt(ARENA_HEAD.next);
}
