/** The fake cuda-checkpoint: words, output and exit codes of NVIDIA's utility (gpu.md A.2), and the trivial one (A.4.1). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildMock } from '../../../plugins/cuda/test/mock/build.js';
import { hangs } from '../../../plugins/cuda/test/mock/caller.js';
import { uuidOf } from '../../../plugins/cuda/test/mock/gpus.js';
import { MockRun, type ToolResult } from '../../../plugins/cuda/test/mock/mock-run.js';

const mock = new MockRun();

const silent: ToolResult = { status: 0, stdout: '', stderr: '' };

function failed(result: ToolResult, pattern: RegExp): void {
  assert.notEqual(result.status, 0);
  assert.equal(result.stdout, '');
  assert.match(result.stderr, pattern);
}

test('actions say nothing, get-state one word, get-restore-tid a number', async () => {
  const gpus = await mock.host();
  const target = await mock.target('device');
  const state = async (): Promise<string> => (await mock.tool(['--get-state', '--pid', target.pid])).stdout;
  assert.match((await mock.tool(['--get-restore-tid', '-p', target.pid])).stdout, /^\d+\n$/);
  assert.equal(await state(), 'running\n');
  assert.deepEqual(await mock.tool(['--action', 'lock', '--pid', target.pid, '--timeout', 5000]), silent);
  assert.equal(await state(), 'locked\n');
  failed(await mock.tool(['--action', 'lock', '--pid', target.pid]), /Could not lock on process ID \d+/);
  assert.deepEqual(await mock.tool(['--action', 'checkpoint', '--pid', target.pid]), silent);
  assert.equal(await state(), 'checkpointed\n');
  failed(await mock.tool(['--action', 'restore', '--pid', target.pid, '--device-map', `${uuidOf(1)}=${uuidOf(7)}`]), /restore/);
  assert.deepEqual(await mock.tool(['--action', 'restore', '-p', target.pid, '-d', `${uuidOf(1)}=${uuidOf(1)}`]), silent);
  assert.deepEqual(await mock.tool(['--action', 'unlock', '--pid', target.pid]), silent);
  assert.equal(await state(), 'running\n');
  const attaches = (await gpus.events()).filter(({ what, pid }) => what === 'attach' && pid !== target.pid);
  assert.equal(attaches.length, 11, 'one attach per start of the tool');
  await target.finish();
});

test('toggle goes to checkpointed and back', async () => {
  await mock.host();
  const target = await mock.target('device');
  const hash = await target.hash();
  assert.deepEqual(await mock.tool(['--toggle', '--pid', target.pid], 12040), silent);
  assert.equal((await mock.tool(['--get-state', '--pid', target.pid])).stdout, 'checkpointed\n');
  assert.deepEqual(await mock.tool(['--toggle', '--pid', target.pid], 12040), silent);
  assert.equal(await target.hash(), hash);
  await target.finish();
});

test('a process without CUDA, or none at all', async () => {
  await mock.host();
  for (const pid of [process.pid, 0x3fffff]) {
    failed(await mock.tool(['--get-restore-tid', '--pid', pid]), /Could not find restore thread for process ID/);
    failed(await mock.tool(['--get-state', '--pid', pid]), /Error getting process state for process ID/);
    failed(await mock.tool(['--action', 'lock', '--pid', pid]), /Could not lock on process ID/);
  }
});

test('options belong to their actions and versions; the help names what there is', async () => {
  await mock.host();
  const target = await mock.target('device');
  const help = async (version: number): Promise<string> => (await mock.tool(['-h'], version)).stdout;
  assert.doesNotMatch(await help(12040), /--action/);
  assert.match(await help(12050), /--action/);
  assert.doesNotMatch(await help(12050), /--timeout/);
  assert.doesNotMatch(await help(12080), /--device-map/);
  assert.doesNotMatch(await help(13000), /--launch-job/);
  assert.match(await help(13010), /--launch-job/);
  const pid = ['--pid', target.pid];
  failed(await mock.tool(['--action', 'lock', ...pid], 12040), /--action|lock/);
  failed(await mock.tool(['--action', 'lock', ...pid, '--timeout', 10], 12050), /--timeout/);
  failed(await mock.tool(['--action', 'restore', ...pid, '-d', 'x=y'], 12080), /--device-map/);
  failed(await mock.tool(['--action', 'unlock', ...pid, '--timeout', 10]), /--timeout/);
  failed(await mock.tool(['--action', 'lock', ...pid, '--device-map', `${uuidOf(1)}=${uuidOf(1)}`]), /--device-map/);
  failed(await mock.tool(['--action', 'restore', ...pid, '--device-map', 'GPU-1=GPU-2']), /device map/);
  failed(await mock.tool(['--action', 'explode', ...pid]), /explode/);
  failed(await mock.tool(['--get-state']), /--pid/);
  failed(await mock.tool(['--get-state', '--pid', '12x']), /12x/);
  assert.equal((await mock.tool(['--get-state', ...pid])).stdout, 'running\n');
});

test('without a GPU it cannot be initialised', async () => {
  const gpus = await mock.host();
  await gpus.halt();
  failed(await mock.tool(['--get-state', '--pid', process.pid]), /Error initializing CUDA/);
});

test('a lock that times out fails, and a hanging target hangs the tool', async () => {
  const gpus = await mock.host();
  const target = await mock.target('device', { arguments: [1, 16, 3000] });
  await target.launch();
  failed(await mock.tool(['--action', 'lock', '--pid', target.pid, '-t', 100]), /Could not lock/);
  await target.stop();
  const state = mock.tool(['--get-state', '--pid', target.pid]);
  const asked = async (): Promise<boolean> => (await gpus.events()).some(({ what, call }) => what === 'begin' && call === 'get-state');
  for (let i = 0; i < 1000 && !(await asked()); i++) await sleep(10);
  assert.ok(await hangs(state));
  process.kill(target.pid, 'SIGCONT');
  assert.equal((await state).stdout, 'running\n');
});

test('a launched job shares one job file, which makes its processes a group', async () => {
  const gpus = await mock.host();
  const { tool } = await buildMock();
  const caller = await mock.caller(13010);
  const target = await mock.target('tree', { arguments: [1, 'same'], version: 13010, under: [`${tool}/cuda-checkpoint`, '--launch-job'] });
  const pids = (await gpus.stats()).clients.map(({ pid }) => pid);
  assert.equal(pids.length, 2);
  // The coordinator has a state and nothing else.
  assert.equal(await caller.state(target.pid), 0);
  for (const call of ['tid', 'lock', 'checkpoint']) assert.equal(await caller.code(`${call} ${target.pid}`), 3, call);
  const [parent = 0, child = 0] = pids;
  assert.equal(await caller.code(`lock ${parent}`), 0);
  assert.equal(await caller.code(`checkpoint ${parent}`), 401);
  assert.equal(await caller.code(`lock ${child}`), 0);
  assert.equal(await caller.code(`checkpoint ${parent}`), 0);
  assert.equal(await caller.code(`checkpoint ${child}`), 0);
  await caller.call('init');
  assert.equal(await caller.code(`restore ${child}`), 401);
  for (const pid of [parent, child]) assert.equal(await caller.code(`restore ${pid}`), 0);
  for (const pid of [parent, child]) assert.equal(await caller.code(`unlock ${pid}`), 0);
  await target.finish();
});

test('the trivial tool knows no state: it says running, takes every action, and gives back the pid it was asked about', async () => {
  const { trivialTool } = await buildMock();
  const run = (...args: string[]) => spawnSync(`${trivialTool}/cuda-checkpoint`, args, { encoding: 'utf8' });
  assert.match(run('--help').stdout, /--action/);
  assert.equal(run('--get-restore-tid', '--pid', '77').stdout, '77\n');
  assert.equal(run('--get-state', '--pid', '77').stdout, 'running\n');
  for (const action of ['lock', 'checkpoint', 'restore', 'unlock', 'checkpoint']) {
    const { status, stdout } = run('--action', action, '--pid', '77', '--timeout', '10000');
    assert.deepEqual([status, stdout], [0, ''], action);
  }
});
