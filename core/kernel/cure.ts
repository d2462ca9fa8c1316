/** Taking parasites out again, of all processes at once. */
import { PTRACE } from '../abi/ptrace.js';
import type { Program } from '../program/program.js';
import { haltAfterCalls } from './halt.js';
import type { KernelThread } from './kernel-thread.js';
import type { Parasite } from './parasite.js';
import { AWAIT_STOP_SIZE, emitAwaitStop, emitRemoteCalls, REMOTE_CALL_SIZE, type RemoteCaller } from './remote-call.js';

/** Processes at a time: bounds our memory. */
const BATCH = 128;

/**
 * Stops the daemons, puts every thread back to where it was, and unmaps the arenas. Afterwards all threads are stopped with their own registers:
 * detaching (or dying) lets them run on as if nothing had been.
 */
export function cureAll(thread: KernelThread, parasites: readonly Parasite[]): void {
  const sick = parasites.filter((parasite) => parasite.stub !== null);
  for (let i = 0; i < sick.length; i += BATCH) cureBatch(thread, sick.slice(i, i + BATCH));
}

function cureBatch(thread: KernelThread, parasites: readonly Parasite[]): void {
  const running = parasites.flatMap((parasite) => parasite.running());
  for (const parasite of parasites) parasite.stopping();
  const calls = [0, 1].map((i) => parasites.flatMap((parasite) => unmapping(parasite, i)));
  const size = parasites.reduce((n, parasite) => n + parasite.leaveSize, 8192);
  const emit = (p: Program): void => {
    for (const { tid } of running) p.sys.ptrace(PTRACE.INTERRUPT, tid, 0, 0).must(`stop the daemon of thread ${tid}`);
    for (const { tid } of running) emitAwaitStop(p, tid, `wait for the daemon of thread ${tid} to stop`);
    for (const parasite of parasites) parasite.emitLeaveOthers(p);
    for (const list of calls) emitRemoteCalls(p, list);
    for (const parasite of parasites) parasite.emitLeave(p);
  };
  const needed = size + running.length * AWAIT_STOP_SIZE + calls.flat().length * REMOTE_CALL_SIZE;
  try {
    thread.once('parasite.cure', needed, emit, { target: 'running' }).free();
  } catch (error) {
    // They are cured again on the way out.
    haltAfterCalls(
      thread,
      parasites.map(({ process }) => process.main.tid),
    );
    throw error;
  }
  for (const parasite of parasites) parasite.left();
}

/** The call that unmaps one of the two mappings, when there is such a one. */
function unmapping(parasite: Parasite, i: number): RemoteCaller[] {
  const range = parasite.ranges[i];
  if (!range) return [];
  return [parasite.caller({ name: 'munmap', args: [range.start, range.end - range.start], why: 'unmap the arena' })];
}
