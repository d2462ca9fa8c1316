// `node judge.mjs LOGS [REPORT]`: the verdict of every step that probe.sh ran, from its log and its status in the file `times`; REPORT gets them as JSON. Failures first.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judge } from './verdicts.mjs';

const [, , logs, report] = process.argv;
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
      { limitS: Number(ms) / 1000, checks: /^[prx]\d*_|^doctor$|^contract$/.test(step) },
    );
    return { step, verdict, reason, ms: Number(ms) };
  });
if (report) writeFileSync(report, `${JSON.stringify(rows, null, 2)}\n`);
const ORDER = ['fail', 'skipped', 'pass', 'answered'];
rows.sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
for (const { step, verdict, reason, ms } of rows)
  process.stdout.write(`${verdict.padEnd(8)} ${step.padEnd(12)} ${String(ms).padStart(6)} ms  ${reason.slice(0, 160)}\n`);
