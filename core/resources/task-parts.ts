/** Parts of a core entry that every live task and thread has; images that lack them are refused by name. */
import { CrError } from '../errors.js';
import type { CoreEntry, CredsEntry, TaskCoreEntry, ThreadCoreEntry } from '../images/generated/core.js';

/** task_state of a core image. */
export const TASK_STATE = { alive: 1, dead: 2, stopped: 3 } as const;

function missing(what: string): CrError {
  return new CrError('CR_IMAGE_BAD', { message: `a core image has no ${what}`, target: 'not started' });
}

/** What belongs to the process; only the leader's image has it in full. Throws CR_IMAGE_BAD. */
export function taskPart(core: CoreEntry): TaskCoreEntry {
  if (!core.tc) throw missing('tc');
  return core.tc;
}

/** What belongs to one thread. Throws CR_IMAGE_BAD. */
export function threadPart(core: CoreEntry): ThreadCoreEntry {
  if (!core.thread_core) throw missing('thread_core');
  return core.thread_core;
}

/** Credentials of one thread. Throws CR_IMAGE_BAD. */
export function credsPart(core: CoreEntry): CredsEntry {
  const { creds } = threadPart(core);
  if (!creds) throw missing('creds');
  return creds;
}

/** How a line about one thread begins: nothing for the leader, who stands for the process. */
export function whose(pid: number, tid: number): string {
  return tid === pid ? '' : `thread ${tid} `;
}
