// `node judge.mjs LOGS`: the verdict of every step that probe.sh ran, from its log and its status in the file `times`.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judge } from './verdicts.mjs';

const logs = process.argv[2];
const times = readFileSync(join(logs, 'times'), 'utf8');
/** Tell about the machine; nothing to judge. */
const TOLD = ['facts', 'check', 'nodecpu'];
const rows = [...times.matchAll(/^(\w+) rc (\d+) (\d+) ms/gm)]
  .filter(([, step]) => !TOLD.includes(step))
  .map(([, step, status, ms]) => {
    const path = join(logs, `${step}.log`);
    const stdout = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const [verdict, reason] = judge(
      step,
      { status: Number(status), signal: null, stdout },
      { limitS: Number(ms) / 1000, checks: /^[prx]\d*_|^doctor$/.test(step) },
    );
    return `${verdict.padEnd(8)} ${step.padEnd(12)} ${String(ms).padStart(6)} ms  ${reason}`;
  });
process.stdout.write(`${rows.join('\n')}\n`);
