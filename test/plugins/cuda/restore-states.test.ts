import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resumeRestored, type RestoreSettings } from '../../../plugins/cuda/src/restore-states.js';
import type { Wake } from '../../../plugins/cuda/src/task.js';
import { FakeBackend, uuid } from './fake-backend.js';

function setUp() {
  const backend = new FakeBackend();
  for (const pid of [10, 20]) backend.add(pid, 'checkpointed').awake = false;
  const wake: Wake = async (task, body) => {
    const process = backend.processes.get(task.pid);
    assert.equal(process?.tid, task.tid);
    process.awake = true;
    try {
      return await body();
    } finally {
      process.awake = false;
    }
  };
  const resume = (settings: Partial<RestoreSettings> = {}) =>
    resumeRestored(backend, [10, 20, 99], wake, { final: 'running', recorded: null, pairs: [], moveLimit: 4, ...settings });
  const stateOf = () => [...backend.processes].map(([pid, { state }]) => `${pid} ${state}`).join(', ');
  const changes = () => backend.calls.filter((call) => /^(restore|unlock) /.test(call));
  return { backend, resume, stateOf, changes };
}

test('all get their devices back before any may use one', async () => {
  const { resume, stateOf, changes } = setUp();
  await resume();
  assert.equal(stateOf(), '10 running, 20 running');
  assert.deepEqual(changes(), ['restore 10', 'restore 20', 'unlock 10', 'unlock 20']);
});

test('asBefore: what each was in when the dump met it', async () => {
  const { backend, resume, stateOf } = setUp();
  backend.add(30, 'checkpointed').awake = false;
  const recorded = [
    { pid: 20, initial: 'locked' as const, movedBytes: null },
    { pid: 10, initial: 'checkpointed' as const, movedBytes: null },
  ];
  await resume({ final: 'asBefore', recorded });
  assert.equal(stateOf(), '10 checkpointed, 20 locked, 30 checkpointed');
});

test('checkpointed: nothing is done', async () => {
  const { resume, changes } = setUp();
  await resume({ final: 'checkpointed' });
  assert.deepEqual(changes(), []);
});

test('pairs of devices go to the driver', async () => {
  const { backend, resume } = setUp();
  await resume({ pairs: [[uuid(1), uuid(2)]] });
  assert.ok(backend.calls.includes(`map 10 ${uuid(1)}=${uuid(2)}`));
});

test('a restore that fails fails all: nobody is unlocked', async () => {
  const { backend, resume, changes } = setUp();
  backend.fail('restore', 10, 2);
  await assert.rejects(resume(), /the restored processes did not get their devices back: pid 10: restore: CUDA_ERROR_OUT_OF_MEMORY/);
  assert.ok(!changes().some((call) => call.startsWith('unlock')));
});

test('a recorded process without a restore thread is an error', async () => {
  const { backend, resume } = setUp();
  (backend.processes.get(20) as { tid: number | null }).tid = null;
  await assert.rejects(
    resume({ recorded: [{ pid: 20, initial: 'running', movedBytes: null }] }),
    /pid 20 had CUDA state at the dump, but the driver does not find it/,
  );
});

test('a record cannot lead to a process outside of the tree', async () => {
  const { backend, resume } = setUp();
  backend.add(7, 'checkpointed');
  await assert.rejects(resume({ recorded: [{ pid: 7, initial: 'running', movedBytes: null }] }), /names pid 7, which is not in the tree/);
  assert.deepEqual(backend.calls, []);
});
