// `npm run test:gpu [STEP ...]`: the steps on a machine with an NVIDIA GPU. One line a step: pass, fail or skipped with the reason; report.json and logs in GPU_WORK.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KitError, compileTools, here, root, runMain } from './tools.mjs';

/** Asserts by itself (plugin.sh). */
const CHECKS = [
  'doctor',
  'p1_cpu',
  'p6_roundtrip',
  'p8_leave',
  'p9_error',
  'p10_vram',
  'p11_tree',
  'p12_states',
  'p13_managed',
  'p14_fork',
];
/** Asks the driver something; passes when it was answered and the target still counts with the right content. */
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
];
const ODD = ['managed', 'ipc', 'vmm1', 'vmm2', 'nvml', 'pidns', 'ours', 'oursrich', 'torch', 'torchx', 'vram', 'killed', 'dies'];
/** Cannot be asked here without another checkpointer. */
const OTHER = ['criu', 'criuours', 'ourscriu', 'torchcriu'];
const LIMIT_S = 120;

function missing() {
  const lacks = ['/dev/nvidiactl', '/dev/nvidia0', '/proc/driver/nvidia/version'].filter((path) => !existsSync(path));
  if (lacks.length > 0) throw new KitError(`no NVIDIA GPU with a driver on this machine: ${lacks.join(', ')} missing. No step was run.`);
}

function askDriver(work) {
  const { status, stdout, stderr } = spawnSync(join(work, 'bin/ctl'), [], { encoding: 'utf8', timeout: 60_000 });
  if (status !== 0)
    throw new KitError(`the CUDA driver library does not work (LIBCUDA or libcuda.so.1): ${`${stdout}${stderr}`.trim().slice(0, 400)}`);
  if (!/caller cuInit 0 /.test(stdout)) throw new KitError(`cuInit fails: ${stdout.split('\n')[0].trim()}`);
}

/** Why a step cannot be asked here, or undefined. */
function obstacle(step, work) {
  if (OTHER.includes(step) && !existsSync(join(work, 'criu/criu'))) return 'no CRIU: name a folder with a program "criu" in CRIU_DIR';
  if (step.startsWith('torch') && spawnSync('python3', ['-c', 'import torch'], { timeout: 60_000 }).status !== 0)
    return 'python3 has no torch';
  return undefined;
}

function judge(step, { status, signal, stdout }) {
  const said = [...stdout.matchAll(/^VERDICT (pass|fail|skipped) (.*)$/gm)].at(-1);
  if (status === 124 || status === 137 || signal) return ['fail', `did not end in ${LIMIT_S} s`];
  if (said) return [said[1], said[2]];
  if (CHECKS.includes(step)) return ['fail', `ended with ${status} and no verdict`];
  const wrong = /target did not start|target itself FAILED|(DUMP|RESTORE) FAILED|bad [1-9]\d*|-> HANG|\berr [1-9]\d* /.exec(stdout);
  if (wrong) return ['fail', `its log has "${wrong[0].trim()}"`];
  if (!/ -> /.test(stdout)) return ['fail', 'asked nothing'];
  if ((stdout.match(/MOVES|STANDS/g) ?? []).at(-1) === 'STANDS') return ['fail', 'the target stands at the end'];
  return ['pass', 'answered; the answers are in its log'];
}

function main() {
  missing();
  const work = process.env.GPU_WORK ?? mkdtempSync(join(tmpdir(), 'criu-ts-gpu-'));
  mkdirSync(join(work, 'logs'), { recursive: true });
  compileTools(join(work, 'bin'), join(work, 'src'));
  askDriver(work);
  for (const name of ['steps.sh', 'plugin.sh', 'src/torchloop.py']) cpSync(join(here, name), join(work, name));
  if (!existsSync(join(work, 'app'))) symlinkSync(root, join(work, 'app'));
  if (process.env.CRIU_DIR && !existsSync(join(work, 'criu'))) symlinkSync(process.env.CRIU_DIR, join(work, 'criu'));
  const known = [...CHECKS, ...PROBES, ...ODD, ...OTHER];
  const asked = process.argv.slice(2);
  const unknown = asked.filter((step) => !known.includes(step));
  if (unknown.length > 0) throw new KitError(`no such step: ${unknown.join(', ')}; there are ${known.join(' ')}`);
  const report = (asked.length > 0 ? asked : known).map((step) => runStep(step, work));
  writeFileSync(join(work, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  const count = (verdict) => report.filter((row) => row.verdict === verdict).length;
  process.stdout.write(`${count('pass')} pass, ${count('fail')} fail, ${count('skipped')} skipped; ${join(work, 'report.json')}\n`);
  return count('fail') === 0 && count('pass') > 0 ? 0 : 1;
}

function runStep(step, work) {
  const why = obstacle(step, work);
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
    [verdict, reason] = judge(step, result);
  }
  process.stdout.write(`${verdict.padEnd(8)} ${step.padEnd(14)} ${reason}\n`);
  return { step, verdict, reason, ms: Date.now() - begun };
}

runMain(main);
