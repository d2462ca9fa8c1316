/** The kit for a machine with a GPU (test/gpu): its verdicts, from logs as its programs print them, and its runner, with stand-ins for driver and programs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { buildMock } from '../../../plugins/cuda/test/mock/build.js';
import { FakeGpus, MIB, uuidOf } from '../../../plugins/cuda/test/mock/gpus.js';
import { repository } from '../../helpers/run-command.js';
import { mockLibrary, packageIn } from './mock-command.js';
import mockDevices from './mock-devices.js';

type Verdict = readonly [verdict: string, reason: string];
interface Pack {
  copyApp(target: string): void;
  copyContract(target: string): Promise<void>;
}
const { copyApp, copyContract } = (await import(pathToFileURL(join(repository, 'test/gpu/pack.mjs')).href)) as Pack;
interface Verdicts {
  judge(
    step: string,
    result: { status: number | null; signal: string | null; stdout: string },
    how: { limitS: number; checks: boolean },
  ): Verdict;
}
const { judge } = (await import(pathToFileURL(join(repository, 'test/gpu/verdicts.mjs')).href)) as Verdicts;

const call = (op: string, code: number | 'HANG', state?: number) =>
  code === 'HANG'
    ? `  pid 7 ${op.padEnd(16)} -> HANG after 3000 ms (abandoned)`
    : `  pid 7 ${op.padEnd(16)} -> ${code} CUDA_NAME${state === undefined ? '' : ` state=${state}`}  0.12 ms`;
const ticks = (word: 'MOVES' | 'STANDS', content = 'bad 0 err 0') =>
  `  status now  [tick 5 ${content} ok gpu 5 thr 0]\n  then        [tick 9 ${content} ok gpu 9 thr 0] ${word}`;
const verdictOf = (step: string, lines: readonly string[], checks = false) =>
  judge(step, { status: 0, signal: null, stdout: `${lines.join('\n')}\n` }, { limitS: 120, checks });

const cycle = [call('lock:5000', 0), call('ckpt', 0), call('restore', 0), call('unlock', 0)];

test('a cycle passes when every call worked, nothing of the devices was left, and the target goes on', () => {
  const clean = '  snap t16.3checkpointed: 9 fds (0 of nvidia), 70 maps (0 of /dev/nvidia*), 4 threads';
  assert.equal(verdictOf('t16', [...cycle, clean, ticks('MOVES')])[0], 'pass');
  const left = clean.replace('(0 of nvidia)', '(2 of nvidia)');
  assert.deepEqual(verdictOf('t16', [...cycle, left, ticks('MOVES')]), [
    'fail',
    '2 descriptors and mappings of devices are left after the checkpoint',
  ]);
  assert.match(verdictOf('t16', [...cycle, ticks('STANDS')])[1], /stands at the end/);
  assert.match(verdictOf('t16', cycle)[1], /nobody looked/);
  assert.match(verdictOf('t1g', [call('lock:5000', 401), ticks('MOVES')])[1], /not 0: lock:5000 401/);
});

test('wrong memory, a missing target and silence fail every step', () => {
  for (const step of ['t16', 'b_state', 'killed']) {
    assert.match(verdictOf(step, [...cycle, ticks('MOVES', 'bad 3 err 0')])[1], /bad 3/);
    assert.match(verdictOf(step, [...cycle, ticks('MOVES', 'bad 0 err 700')])[1], /err 700/);
    assert.deepEqual(verdictOf(step, ['target did not start:']), ['fail', 'its log has "target did not start"']);
    assert.deepEqual(verdictOf(step, ['hello']), ['fail', 'asked nothing']);
  }
  assert.match(judge('t16', { status: 124, signal: null, stdout: '' }, { limitS: 5, checks: false })[1], /did not end in 5 s/);
});

test('a question is answered whatever the answer is, and is no pass', () => {
  const hung = verdictOf('b_state', [call('state', 'HANG'), ticks('MOVES')]);
  assert.deepEqual(hung, ['answered', 'state hang; the target goes on at the end']);
  assert.equal(verdictOf('managed', [call('lock:3000', 0), call('ckpt', 801), ticks('MOVES')])[0], 'answered');
  assert.match(verdictOf('killed', [call('state', 0, 1), ticks('STANDS')])[1], /state 0 \(state 1\); the target stands/);
});

/** As the step `legal` asks, with the answers of gpu.md A.1. */
const legal = [
  [call('ckpt', 401), call('restore', 401), call('unlock', 401), call('state', 0, 0), call('lock:3000', 0)],
  [call('lock:1000', 401), call('restore', 401), call('state', 0, 1), call('ckpt', 0), call('state', 0, 2)],
  [call('ckpt', 401), call('lock:1000', 401), call('unlock', 401), call('state', 0, 2)],
  ['badnew', 'badold', 'dup'].flatMap((map) => [call(`restore:${map}`, 1), call('state', 0, 2)]),
  [call('restore:zero', 0), call('state', 0, 1), call('restore', 401), call('state', 0, 1), call('unlock', 0), call('state', 0, 0)],
  [
    call('lock:3000', 0),
    call('ckpt', 0),
    call('restore:id', 0),
    call('state', 0, 1),
    call('unlock', 0),
    call('unlock', 401),
    call('state', 0, 0),
  ],
].flat();

test('forbidden calls must give 401, bad maps 1, and leave the state', () => {
  assert.equal(verdictOf('legal', [...legal, ticks('MOVES')])[0], 'pass');
  const wrong = legal.with(0, call('ckpt', 0));
  assert.deepEqual(verdictOf('legal', [...wrong, ticks('MOVES')]), ['fail', 'call 1: ckpt 0, expected ckpt 401']);
  const moved = legal.with(15, call('state', 0, 1));
  assert.match(verdictOf('legal', [...moved, ticks('MOVES')])[1], /call 16: state 0 \(state 1\), expected state 0 2/);
  assert.match(verdictOf('legal', legal.slice(0, 4))[1], /call 5 is missing/);
});

test('a lock that runs out of time, a restore without memory, and what is left by hand after the plugin', () => {
  const spin = [call('lock:200', 600), call('state', 0, 0), call('lock:6000', 0)];
  assert.equal(verdictOf('spin', [...spin, ticks('MOVES')])[0], 'pass');
  assert.match(verdictOf('spin', [call('lock:200', 0), call('lock:6000', 401)])[1], /no lock ran out of time/);
  assert.match(verdictOf('spin', [call('lock:200', 600), call('state', 0, 1)])[1], /state after .*: 1/);

  assert.equal(verdictOf('vram', [call('restore', 2), call('restore', 304)])[0], 'pass');
  assert.match(verdictOf('vram', [call('restore', 0)])[1], /restore without memory: restore 0/);

  const before = [call('lock:9000', 0), call('ckpt', 0), call('state', 0, 2)];
  const after = [call('state', 0, 0), call('tid', 0), call('restore', 401), call('state', 0, 0), call('unlock', 401), call('state', 0, 0)];
  assert.equal(verdictOf('oursrich', [...before, ...after, ticks('MOVES')])[0], 'pass');
  const byHand = after.map((line) => line.replace('401', '0'));
  assert.match(verdictOf('oursrich', [...before, ...byHand, ticks('MOVES')])[1], /by hand: 0, 0, not 401/);
  assert.equal(verdictOf('ours', [...before, ...byHand, ticks('MOVES')])[0], 'pass');
  assert.match(verdictOf('ours', [...before, ...after, ticks('MOVES')])[1], /not 0: restore 401/);
});

test('a step that checks itself has the last word', () => {
  assert.deepEqual(verdictOf('p6_roundtrip', ['VERDICT pass all is well'], true), ['pass', 'all is well']);
  assert.deepEqual(verdictOf('p6_roundtrip', [...cycle], true), ['fail', 'ended with 0 and no verdict']);
});

/** Where the runner finds a driver, its tools and our command; all of it stands for something else. */
async function surroundings(gpus: FakeGpus): Promise<{ work: string; env: Record<string, string> }> {
  const work = mkdtempSync(join(tmpdir(), 'gpu-kit-'));
  const { kit } = await buildMock();
  for (const path of ['root/dev/nvidiactl', 'root/dev/nvidia0', 'root/proc/driver/nvidia/version']) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), '');
  }
  // As it is carried to a bare machine: nothing of the clone is near it.
  copyApp(join(work, 'carried'));
  await copyContract(join(work, 'app'));
  // The command finds the plugin by itself where there is a driver; here it must be told, and where the devices are.
  const devices = join(work, 'mock-devices');
  packageIn(devices, mockDevices, 'mock-devices.js');
  const command = join(work, 'app/core/cli/criu-ts');
  mkdirSync(dirname(command), { recursive: true });
  // The suite has the helper beside it.
  symlinkSync(join(work, 'carried/plugins'), join(work, 'app/plugins'));
  writeFileSync(
    command,
    COMMAND.replaceAll('@REAL@', join(work, 'carried/core/cli/criu-ts'))
      .replaceAll('@LIBRARY@', await mockLibrary())
      .replaceAll('@DEVICES@', devices),
  );
  chmodSync(command, 0o755);
  const PATH = `${join(repository, 'plugins/cuda/test/mock/kit')}:${process.env['PATH']}`;
  const env = { ...(await gpus.environment()), PATH, GPU_WORK: work, GPU_ROOT: join(work, 'root'), GPU_TOOLS: kit, GPU_ROUNDS: '1' };
  return { work, env };
}

/** `--enable-plugin cuda_plugin:OPTIONS` of a step joins what the mock needs; `--disable-plugin cuda_plugin` stands. */
const COMMAND = `#!/bin/bash
verb=$1
shift
[ "$verb" = dump ] || [ "$verb" = restore ] || exec @REAL@ "$verb" "$@"
options=libcuda=@LIBRARY@
words=()
plugin=(--enable-plugin)
for word in "$@"; do
  case $word in
    --disable-plugin) plugin=() ;;
    cuda_plugin:*)
      options=$options,\${word#*:}
      unset 'words[-1]'
      continue
      ;;
  esac
  words+=("$word")
done
[ \${#plugin[@]} -gt 0 ] && plugin+=("cuda_plugin:$options" --enable-plugin @DEVICES@)
exec @REAL@ "$verb" "\${plugin[@]}" "\${words[@]}"
`;

function runKit(steps: readonly string[], env: Readonly<Record<string, string>>) {
  const done = spawnSync(process.execPath, [join(repository, 'test/gpu/run.mjs'), ...steps], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 300_000,
  });
  return { status: done.status, text: `${done.stdout}${done.stderr}` };
}

interface Row {
  readonly step: string;
  readonly verdict: string;
  readonly reason: string;
}

test('a machine without a driver is told, and nothing is run', () => {
  const { status, text } = runKit([], { GPU_ROOT: '/nowhere' });
  assert.equal(status, 1);
  assert.match(text, /no NVIDIA GPU with a driver on this machine: .*nvidiactl.* missing\. No step was run/);
});

/** What these steps say on a driver that works, as far as the mock is one. */
const ON_THE_MOCK: Readonly<Record<string, string>> = {
  t16: 'pass',
  noinit: 'answered',
  legal: 'pass',
  spin: 'pass',
  b_state: 'answered',
  b_woken: 'answered',
  seccomp: 'pass',
  twogpus: 'pass',
  ours: 'pass',
  oursrich: 'pass',
  contract: 'pass',
  p1_cpu: 'pass',
  p1_cost: 'pass',
  p3_move: 'pass',
  p4_stopped: 'pass',
  p6_roundtrip: 'pass',
  p8_leave: 'pass',
  p9_error: 'pass',
  p11_tree: 'pass',
  p12_states: 'pass',
  p16_killed: 'pass',
  p17_seccomp: 'pass',
  x_peer: 'skipped',
  p18_map: 'pass',
  p18_same: 'pass',
  torch: 'skipped',
};

test('the steps run over the mock, and their verdicts are what the mock does', async () => {
  const gpus = await FakeGpus.start([1, 2].map((n) => ({ uuid: uuidOf(n), memory: 16 * 1024 * MIB })));
  const { work, env } = await surroundings(gpus);
  try {
    const { status, text } = runKit(Object.keys(ON_THE_MOCK), env);
    const rows = JSON.parse(readFileSync(join(work, 'report.json'), 'utf8')) as Row[];
    const log = (step: string) => (existsSync(join(work, `logs/${step}.log`)) ? readFileSync(join(work, `logs/${step}.log`), 'utf8') : '');
    for (const { step, verdict, reason } of rows) assert.equal(verdict, ON_THE_MOCK[step], `${step}: ${reason}\n${log(step)}`);
    assert.equal(rows.length, Object.keys(ON_THE_MOCK).length);
    assert.equal(status, 0, text);
  } finally {
    await gpus.close();
    rmSync(work, { recursive: true, force: true });
  }
});
