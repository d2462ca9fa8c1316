// A timer that counts, beside work on the thread pool and a hash that goes on. Speaks like a victim.
import { createHash, pbkdf2 } from 'node:crypto';
import { existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

const journal = openSync('journal', 'a+');
const hash = createHash('sha256');
const started = process.hrtime.bigint();
let ticks = 0;
let derived = 0;
let ready = 0;

function derive() {
  pbkdf2('password', `salt ${derived}`, 2000, 32, 'sha256', (error) => {
    if (error) throw error;
    derived++;
    if (timer.hasRef()) derive();
  });
}

async function finish() {
  clearInterval(timer);
  timer.unref();
  const lines = (await readFile('journal', 'utf8')).trimEnd().split('\n').map(Number);
  const again = createHash('sha256');
  for (const line of lines) again.update(`${line}\n`);
  const whole = lines.every((line, i) => line === i + 1) && lines.length === ticks && ticks > ready + 20;
  if (!whole) writeSync(1, `FAIL: ${ticks} ticks, ${lines.length} lines\n`);
  else if (again.digest('hex') !== hash.digest('hex')) writeSync(1, 'FAIL: the hash differs\n');
  else if (derived < 3) writeSync(1, `FAIL: the thread pool made ${derived} keys\n`);
  else writeSync(1, 'PASS\n');
}

let atGo = 0;
const timer = setInterval(() => {
  if (process.hrtime.bigint() - started > 50_000_000_000n) throw new Error('the file go never came');
  ticks++;
  writeSync(journal, `${ticks}\n`);
  hash.update(`${ticks}\n`);
  if (ticks === 10) {
    ready = readFileSync('journal', 'utf8').split('\n').length - 1;
    writeSync(1, 'READY\n');
  }
  if (atGo === 0 && existsSync('go')) atGo = ticks;
  if (atGo > 0 && ticks > atGo + 20) void finish();
}, 5);
derive();
