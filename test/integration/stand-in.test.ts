/** A process that only has a number: it is there, it says who has the number already, and it ends with the thread that made it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrError } from '../../core/errors.js';
import { KernelThread } from '../../core/kernel/kernel-thread.js';
import { readStat } from '../../core/kernel/procfs/stat.js';
import { StandIn } from '../../core/kernel/stand-in.js';
import { waitForState } from '../../core/kernel/wait-state.js';
import { freePid } from '../../core/restore/pids.js';

test('it has the number until it ends', () => {
  const thread = new KernelThread();
  try {
    const pid = freePid(thread.proc, new Set());
    const made = new StandIn(thread, pid);
    assert.ok(readStat(thread.proc, pid));
    assert.throws(
      () => new StandIn(thread, pid),
      (error) =>
        error instanceof CrError &&
        error.code === 'CR_PID_TAKEN' &&
        error.target === 'not started' &&
        error.report().includes(`in use by process ${pid}`) &&
        error.report().includes('EEXIST'),
    );
    made.end();
    made.end();
    assert.equal(readStat(thread.proc, pid), null);
  } finally {
    thread.close();
  }
});

test('it does not outlive its thread', () => {
  const thread = new KernelThread();
  const pid = freePid(thread.proc, new Set());
  const { pid: made } = new StandIn(thread, pid);
  thread.close();
  assert.ok(waitForState(thread.proc, made, ['Z', 'X', '']), 'the process lives on');
});
