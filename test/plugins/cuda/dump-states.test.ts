import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DumpStates } from '../../../plugins/cuda/src/dump-states.js';
import type { Wake } from '../../../plugins/cuda/src/task.js';
import { FakeBackend } from './fake-backend.js';

const SETTINGS = { lockTimeoutMs: 50, moveLimit: 4 };

/** Processes 10, 20, ... with CUDA, and 99 without. */
function setUp(count: number) {
  const backend = new FakeBackend();
  const pids = [99];
  for (let i = 1; i <= count; i++) {
    backend.add(i * 10);
    pids.push(i * 10);
  }
  const states = new DumpStates(backend, SETTINGS);
  const stateOf = () => [...backend.processes].map(([pid, { state }]) => `${pid} ${state}`).join(', ');
  const changes = () => backend.calls.filter((call) => /^(lock|checkpoint|restore|unlock) /.test(call));
  /** Stops everything, as the engine does; the answer lets one thread at a time be awake. */
  const stop = (): Wake => {
    for (const process of backend.processes.values()) process.awake = false;
    return async (task, body) => {
      const process = backend.processes.get(task.pid);
      assert.equal(process?.tid, task.tid, 'the thread that is let run is the restore thread');
      process.awake = true;
      try {
        return await body();
      } finally {
        process.awake = false;
      }
    };
  };
  return { backend, pids, states, stateOf, changes, stop };
}

test('a dump finds all, locks all, and only then checkpoints', async () => {
  const { backend, pids, states, stateOf, changes, stop } = setUp(3);
  await states.pause(pids);
  assert.equal(stateOf(), '10 locked, 20 locked, 30 locked');
  const firstLock = backend.calls.findIndex((call) => call.startsWith('lock'));
  assert.equal(
    backend.calls.slice(firstLock).filter((call) => !call.startsWith('lock')).length,
    0,
    'every question comes before the first lock',
  );
  assert.equal(await states.checkpoint(pids, stop()), undefined);
  assert.equal(stateOf(), '10 checkpointed, 20 checkpointed, 30 checkpointed');
  assert.deepEqual(changes().slice(3), ['checkpoint 10', 'checkpoint 20', 'checkpoint 30']);
  assert.deepEqual(
    states.found.map(({ pid }) => pid),
    [10, 20, 30],
  );
});

test('locks go out at once, so that processes which wait for each other cannot deadlock', async () => {
  const { backend, pids, states } = setUp(3);
  for (const process of backend.processes.values()) process.workMs = 10;
  await states.pause(pids);
  assert.equal(backend.peak, 3);
});

test('resume gives back what was, last moved first', async () => {
  const { pids, states, stateOf, changes, stop } = setUp(2);
  await states.pause(pids);
  const wake = stop();
  await states.checkpoint(pids, wake);
  await states.resume(wake);
  assert.equal(stateOf(), '10 running, 20 running');
  assert.deepEqual(
    changes().filter((call) => call.startsWith('restore')),
    ['restore 20', 'restore 10'],
  );
});

test('processes that were locked or checkpointed before keep their state', async () => {
  const { backend, pids, states, stateOf, changes, stop } = setUp(3);
  (backend.processes.get(20) as { state: string }).state = 'locked';
  (backend.processes.get(30) as { state: string }).state = 'checkpointed';
  await states.pause(pids);
  const wake = stop();
  await states.checkpoint(pids, wake);
  assert.equal(stateOf(), '10 checkpointed, 20 checkpointed, 30 checkpointed');
  await states.resume(wake);
  assert.equal(stateOf(), '10 running, 20 locked, 30 checkpointed');
  assert.deepEqual(changes(), ['lock 10', 'checkpoint 10', 'checkpoint 20', 'restore 20', 'restore 10', 'unlock 10']);
});

test('a lock that runs out of time unlocks the others and names the process', async () => {
  const { backend, pids, states, stateOf } = setUp(3);
  (backend.processes.get(20) as { workMs: number }).workMs = 10_000;
  await assert.rejects(states.pause(pids), /pid 20: lock: CUDA_ERROR_NOT_READY \(600\).*did not end in time$/);
  assert.equal(stateOf(), '10 running, 20 running, 30 running');
});

test('a lock that failed but held is taken back: the driver is asked', async () => {
  const { backend, pids, states, stateOf } = setUp(2);
  backend.fail('lock', 10, 'lie');
  await assert.rejects(states.pause(pids), /pid 10: lock: CUDA_ERROR_UNKNOWN/);
  assert.equal(stateOf(), '10 running, 20 running');
});

test('a call that hangs is told, and the process is never called again', async () => {
  const { backend, pids, states, stateOf } = setUp(2);
  backend.fail('lock', 10, 'hang');
  await assert.rejects(states.pause(pids), /pid 10: lock: no answer within 20 ms; pid 10: lock: left as it is after that failure/);
  assert.deepEqual(
    backend.calls.filter((call) => call.endsWith(' 10')),
    ['find thread 10', 'state 10', 'lock 10'],
  );
  assert.equal(stateOf(), '10 running, 20 running');
});

test('a channel out of step (304) is as good as a hang', async () => {
  const { backend, pids, states, stop } = setUp(2);
  await states.pause(pids);
  const wake = stop();
  backend.fail('checkpoint', 20, 304);
  await assert.rejects(states.checkpoint(pids, wake), /pid 20: checkpoint: CUDA_ERROR_OPERATING_SYSTEM/);
  await assert.rejects(states.resume(wake), /the tree goes on, but its CUDA state is not what it was: pid 20/);
  assert.equal(backend.calls.filter((call) => call.endsWith(' 20')).at(-1), 'checkpoint 20');
  assert.equal(backend.processes.get(10)?.state, 'running');
});

test('a checkpoint that fails begins no other, and everything goes back', async () => {
  const { backend, pids, stateOf, changes, stop } = setUp(3);
  const states = new DumpStates(backend, { ...SETTINGS, moveLimit: 1 });
  await states.pause(pids);
  const wake = stop();
  backend.fail('checkpoint', 20, 801);
  await assert.rejects(states.checkpoint(pids, wake), /pid 20: checkpoint: CUDA_ERROR_NOT_SUPPORTED \(801\)/);
  assert.ok(!changes().includes('checkpoint 30'));
  await states.resume(wake);
  assert.equal(stateOf(), '10 running, 20 running, 30 running');
});

test('failures on the way back are all told', async () => {
  const { backend, pids, states, stateOf, stop } = setUp(3);
  await states.pause(pids);
  const wake = stop();
  await states.checkpoint(pids, wake);
  backend.fail('restore', 10, 2);
  backend.fail('unlock', 30, 401);
  await assert.rejects(
    states.resume(wake),
    /pid 30: unlock: CUDA_ERROR_ILLEGAL_STATE \(401\).*; pid 10: restore: CUDA_ERROR_OUT_OF_MEMORY \(2\)/,
  );
  assert.equal(stateOf(), '10 checkpointed, 20 running, 30 locked');
});

test('a process that begins with CUDA after the pause makes the tree run again', async () => {
  const { backend, pids, states, stateOf, stop } = setUp(2);
  await states.pause(pids);
  backend.add(99);
  assert.match((await states.checkpoint(pids, stop())) ?? '', /pid 99 began to use CUDA after the pause/);
  assert.equal(stateOf(), '10 running, 20 running, 99 running');
  for (const process of backend.processes.values()) process.awake = true;
  await states.pause(pids);
  assert.equal(await states.checkpoint(pids, stop()), undefined);
  assert.equal(stateOf(), '10 checkpointed, 20 checkpointed, 99 checkpointed');
});

test('a process that became another program with CUDA makes the tree run again; one that ended does not', async () => {
  const { backend, pids, states, stop } = setUp(2);
  await states.pause(pids);
  // execve(2) ends the CUDA state, and the new program makes one of its own.
  backend.add(10, 'running', 77);
  assert.match((await states.checkpoint(pids, stop())) ?? '', /pid 10 began anew with CUDA/);
  assert.equal(backend.processes.get(20)?.state, 'running');

  const other = setUp(2);
  await other.states.pause(other.pids);
  other.backend.processes.delete(10);
  assert.equal(await other.states.checkpoint([99, 20], other.stop()), undefined);
  assert.deepEqual(
    other.states.found.map(({ pid }) => pid),
    [20],
  );
});

test('nothing is done to a tree with a process that the driver gave up', async () => {
  const { backend, pids, states, changes } = setUp(2);
  (backend.processes.get(20) as { state: string }).state = 'failed';
  await assert.rejects(states.pause(pids), /pid 20: its CUDA state is "failed"/);
  assert.deepEqual(changes(), []);
});

test('without the wake the driver would hang: checkpoints and the way back need it', async () => {
  const { pids, states, stop } = setUp(1);
  await states.pause(pids);
  stop();
  await assert.rejects(
    states.checkpoint(pids, (_task, body) => body()),
    /pid 10: checkpoint: no answer within/,
  );
});

test('a way back that is asked for while a lock is under way comes after it', async () => {
  const { backend, pids, states, stateOf } = setUp(2);
  for (const process of backend.processes.values()) process.workMs = 20;
  const paused = states.pause(pids);
  await states.resume((_task, body) => body());
  await paused;
  assert.equal(stateOf(), '10 running, 20 running');
  assert.ok(backend.calls.includes('unlock 10'));
});
