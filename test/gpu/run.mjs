// `npm run test:gpu [STEP ...]`: the steps on a machine with an NVIDIA GPU. One line a step: pass, answered, fail or skipped with the reason; report.json and logs in
// GPU_WORK. For tests of this runner: GPU_ROOT stands for the root folder when a driver is looked for, GPU_TOOLS is a folder with compiled tools.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KitError, SCRIPTS, compileTools, here, root, runMain } from './tools.mjs';
import { judge } from './verdicts.mjs';

/** Asserts by itself (plugin.sh). */
const CHECKS = [
  'doctor',
  'contract',
  'p1_cpu',
  'p1_cost',
  'p3_move',
  'p4_stopped',
  'p6_roundtrip',
  'p8_leave',
  'p9_error',
  'p10_vram',
  'p11_tree',
  'p12_states',
  'p13_managed',
  'p14_fork',
  'p16_killed',
  'p17_seccomp',
  'p18_map',
  'p18_same',
  'p19_series',
  'r_cupy',
  'r_jax',
  'r_triton',
  'r_graph',
  'r_generate',
  'r_expandable',
  'x_peer',
  'x_peerours',
  'x_ourspeer',
  'x_times',
  'x_tool',
];
/** Ask the driver; verdicts.mjs knows which of them assert something. */
const PROBES = [
  't16',
  'noinit',
  't1g',
  'par',
  'b_state',
  'b_tid',
  'b_lock',
  'b_but',
  'b_woken',
  'b_wlock',
  'sigstop',
  'a_none',
  'uids',
  'legal',
  'spin',
  'rich',
  'forked',
  'seccomp',
  'twogpus',
];
const ODD = ['managed', 'ipc', 'vmm1', 'vmm2', 'nvml', 'pidns', 'ours', 'oursrich', 'torch', 'torchx', 'vram', 'killed', 'dies'];
/** Cannot be asked here without another checkpointer. */
const OTHER = ['criu', 'criuours', 'ourscriu', 'torchcriu'];
/** CRIU with its own plugin and cuda-checkpoint. */
const PEER = ['x_peer', 'x_peerours', 'x_ourspeer', 'x_times', 'x_tool'];
const TWO_GPUS = ['twogpus', 'p18_map'];
const TORCH = ['torch', 'torchx', 'torchcriu', 'p19_series', 'r_triton', 'r_graph', 'r_generate', 'r_expandable'];
const MODULES = { r_cupy: 'cupy', r_jax: 'jax', r_generate: 'transformers' };
const LIMIT_S = 120;

function missing() {
  const at = (path) => join(process.env.GPU_ROOT ?? '/', path);
  const lacks = ['/dev/nvidiactl', '/dev/nvidia0', '/proc/driver/nvidia/version'].filter((path) => !existsSync(at(path)));
  if (lacks.length > 0) throw new KitError(`no NVIDIA GPU with a driver on this machine: ${lacks.join(', ')} missing. No step was run.`);
}

/** Number of devices. @throws KitError when the driver does not work */
function askDriver(work) {
  const { status, stdout, stderr } = spawnSync(join(work, 'bin/ctl'), [], { encoding: 'utf8', timeout: 60_000 });
  if (status !== 0)
    throw new KitError(`the CUDA driver library does not work (LIBCUDA or libcuda.so.1): ${`${stdout}${stderr}`.trim().slice(0, 400)}`);
  if (!/caller cuInit 0 /.test(stdout)) throw new KitError(`cuInit fails: ${stdout.split('\n')[0].trim()}`);
  return Number(/, (\d+) devices/.exec(stdout)?.[1] ?? 0);
}

/** Why a step cannot be asked here, or undefined. */
function obstacle(step, work, devices) {
  if (TWO_GPUS.includes(step) && devices < 2) return `two GPUs: this machine has ${devices}`;
  if (OTHER.includes(step) && !existsSync(join(work, 'criu/criu'))) return 'no CRIU: name a folder with a program "criu" in CRIU_DIR';
  if (PEER.includes(step) && !existsSync(join(work, 'criu/plugins/cuda_plugin.so')))
    return 'no CRIU with its plugin: CRIU_DIR has no plugins/cuda_plugin.so and cuda-checkpoint';
  const lacks = [...(TORCH.includes(step) ? ['torch'] : []), ...(MODULES[step] ? [MODULES[step]] : [])].find(
    (name) => spawnSync('python3', ['-c', `import ${name}`], { timeout: 60_000 }).status !== 0,
  );
  if (lacks) return `python3 has no ${lacks}`;
  return undefined;
}

function main() {
  missing();
  const work = process.env.GPU_WORK ?? mkdtempSync(join(tmpdir(), 'criu-ts-gpu-'));
  mkdirSync(join(work, 'logs'), { recursive: true });
  if (process.env.GPU_TOOLS) cpSync(process.env.GPU_TOOLS, join(work, 'bin'), { recursive: true });
  else compileTools(join(work, 'bin'), join(work, 'src'));
  const devices = askDriver(work);
  for (const name of [...SCRIPTS, 'src/torchloop.py', 'src/programs.py']) cpSync(join(here, name), join(work, name));
  if (!existsSync(join(work, 'app'))) symlinkSync(root, join(work, 'app'));
  if (process.env.CRIU_DIR && !existsSync(join(work, 'criu'))) symlinkSync(process.env.CRIU_DIR, join(work, 'criu'));
  const known = [...CHECKS, ...PROBES, ...ODD, ...OTHER];
  const asked = process.argv.slice(2);
  const unknown = asked.filter((step) => !known.includes(step));
  if (unknown.length > 0) throw new KitError(`no such step: ${unknown.join(', ')}; there are ${known.join(' ')}`);
  const report = (asked.length > 0 ? asked : known).map((step) => runStep(step, work, devices));
  writeFileSync(join(work, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  const count = (verdict) => report.filter((row) => row.verdict === verdict).length;
  process.stdout.write(
    `${count('pass')} pass, ${count('answered')} answered, ${count('fail')} fail, ${count('skipped')} skipped; ${join(work, 'report.json')}\n`,
  );
  return count('fail') === 0 && count('pass') > 0 ? 0 : 1;
}

function runStep(step, work, devices) {
  const why = obstacle(step, work, devices);
  const begun = Date.now();
  let verdict = 'skipped';
  let reason = why;
  if (why === undefined) {
    const env = { ...process.env, GPU_WORK: work };
    const result = spawnSync(
      'timeout',
      ['-k', '2', String(LIMIT_S), 'bash', '-c', `exec bash "$0" "$1" 2>&1`, join(work, 'steps.sh'), step],
      { encoding: 'utf8', env, maxBuffer: 1 << 26 },
    );
    writeFileSync(join(work, 'logs', `${step}.log`), result.stdout);
    [verdict, reason] = judge(step, result, { limitS: LIMIT_S, checks: CHECKS.includes(step) });
  }
  process.stdout.write(`${verdict.padEnd(8)} ${step.padEnd(14)} ${reason}\n`);
  return { step, verdict, reason, ms: Date.now() - begun };
}

await runMain(main);
